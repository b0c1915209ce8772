/* Serving in the program's own process, with workers=0. */
#ifndef FORKER_HOST_H
#define FORKER_HOST_H

#include "server.h"

/* Starts the Go runtime, if it does not run. */
int fk_host_start_go(forker_server *server);

/* Starts the engine; Go runs. From now on the server answers when it is served or polled, on that thread. */
int fk_host_open(forker_server *server, bool polled);

/* Serves until stopped, and closes. Returns what run returns. */
int fk_host_serve(forker_server *server);

/* All three. */
int fk_host_run(forker_server *server);

#endif
