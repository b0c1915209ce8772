/* A server that takes its access log by itself: accesslog <address>. */
#include "program.h"

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

static void take(const char *line, size_t len, void *user)
{
    char text[1024];
    snprintf(text, sizeof text, "%s %d %s\n", (const char *)user, strlen(line) == len, line);
    tell(text);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 2 || forker_server_set_access_log(NULL, take, NULL) != FORKER_E_INVALID) {
        return 2;
    }
    forker_server_set(server, "access_log", "common");
    forker_server_set_access_log(server, take, (void *)"taken");
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
