/*
 * A program that goes to another directory: elsewhere <address> ... in the directory of argv[1]'s files. It changes to /
 * in the before_fork hook, when run has begun.
 */
#include "program.h"

static int length(forker_request *req, void *user)
{
    char text[32];
    size_t len = 0;
    (void)user;
    forker_request_body(req, &len);
    snprintf(text, sizeof text, "%zu", len);
    return response_text(req, text);
}

static int leave(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    return chdir("/") == 0 ? FORKER_OK : FORKER_E_SYSTEM;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET,POST", "/", length, NULL);
    forker_server_on_before_fork(server, leave, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    if (chdir(argv[1]) != 0) {
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    return serve_to_end(server);
}
