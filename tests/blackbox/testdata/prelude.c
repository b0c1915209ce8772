/* Logs before it runs: prelude <address>. */
#include "program.h"

static int greet(forker_request *req, void *user)
{
    return response_text(req, user);
}

int main(int argc, char **argv)
{
    char line[64];
    forker_server *server = forker_server_new();
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "early line %d", i);
        forker_server_log(server, FORKER_LOG_INFO, line);
    }
    forker_server_handle(server, "GET", "/", greet, "hello\n");
    if (argc > 1) {
        forker_server_listen(server, argv[1]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
