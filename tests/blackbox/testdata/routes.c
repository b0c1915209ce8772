/* Has so many routes "/0" and on: routes <address> <count>. */
#include "program.h"

#include <stdlib.h>

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    char pattern[32];
    if (argc != 3) {
        return 2;
    }
    forker_server *server = forker_server_new();
    for (int i = 0, count = atoi(argv[2]); i < count; i++) {
        snprintf(pattern, sizeof pattern, "/%d/:name", i);
        forker_server_handle(server, "GET", pattern, greet, NULL);
    }
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
