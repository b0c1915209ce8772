/* Listens on the first address that it can: nextport <address> ... */
#include "program.h"

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    for (int i = 1; i < argc && forker_server_listen(server, argv[i]) != FORKER_OK; i++) {
        tell(forker_server_error(server));
        tell("\n");
        forker_server_clear_error(server);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
