/* Asking a server to stop, from any process of its tree, also before it runs. */
#ifndef FORKER_STOP_H
#define FORKER_STOP_H

#include "base/server.h"

/*
 * forker_server_stop() by the library itself, which has said why. A negative time is that of option drain_timeout. Returns
 * FORKER_OK. Async-signal-safe.
 */
int fk_stop(forker_server *server, int32_t timeout_ms);

/* Has a stop that was asked for before this run count for it. When the shared memory is there. */
void fk_stop_take_early(forker_server *server);

#endif
