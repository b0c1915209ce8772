/* Serving in the program's own process, with workers=0. */
#ifndef FORKER_HOST_H
#define FORKER_HOST_H

#include "base/server.h"

/* Starts the Go runtime, if it does not run. */
int fk_host_start_go(forker_server *server);

/* Starts the engine; Go runs. From now on the server answers when it is served or polled, on that thread. */
int fk_host_open(forker_server *server, bool polled);

/* Serves until stopped, and closes. Returns what run returns. */
int fk_host_serve(forker_server *server);

/* One step of that: 1 if the server goes on, else it is closed. */
int fk_host_poll(forker_server *server, int32_t timeout_ms);

/* Start, open and serve. */
int fk_host_run(forker_server *server);

#endif
