/* The ways of serving in the program's own process. */
#ifndef WAYS_H
#define WAYS_H

#include <forker.h>

/* Serves until the server ends, and returns what tells why: by "run", "start" and wait, or "open" and poll. */
static inline int serve_by(forker_server *server, const char *way)
{
    int code;
    switch (way[0]) {
    case 'r':
        return forker_server_run(server);
    case 's':
        code = forker_server_start(server);
        return code == FORKER_OK ? forker_server_wait(server, -1) : code;
    default:
        code = forker_server_open(server);
        for (int more = code == FORKER_OK; more; more = code > 0) {
            code = forker_server_poll(server, -1);
        }
        return code;
    }
}

#endif
