/* Answers with the query parameter "k": query <address>. */
#include "program.h"

static int value(forker_request *req, void *user)
{
    size_t len = 0;
    const char *text = forker_request_query_param(req, "k", &len);
    (void)user;
    return forker_respond(req, text != NULL ? 200 : 404, NULL, text, len);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", value, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
