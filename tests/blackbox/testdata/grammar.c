/*
 * Says which routes can be registered. From stdin comes 'n' for a new server, or 'h', methods and pattern, each with a
 * NUL behind it; for the latter goes 1 to stdout if the route was taken, else 0.
 */
#define _GNU_SOURCE

#include "program.h"

#include <stdlib.h>

static int never(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_E_INTERNAL;
}

int main(void)
{
    forker_server *server = forker_server_new();
    char *methods = NULL;
    char *pattern = NULL;
    size_t methods_room = 0;
    size_t pattern_room = 0;
    int command;
    while ((command = getchar()) != EOF) {
        if (command == 'n') {
            forker_server_free(server);
            server = forker_server_new();
        } else if (getdelim(&methods, &methods_room, '\0', stdin) > 0 &&
                   getdelim(&pattern, &pattern_room, '\0', stdin) > 0) {
            char taken = forker_server_handle(server, methods, pattern, never, NULL) == FORKER_OK;
            if (write(STDOUT_FILENO, &taken, 1) != 1) {
                break;
            }
        }
    }
    free(methods);
    free(pattern);
    forker_server_free(server);
    return 0;
}
