/* Serving on the program's own event loop. */
#ifndef FORKER_POLLED_H
#define FORKER_POLLED_H

#include "base/server.h"

/* Polls a server that was told to stop until it has ended, for at most so long. false: it has not. */
bool fk_poll_to_end(forker_server *server, int32_t patience_ms);

/*
 * Calls the hook worker_loop, in which the program polls the server; Go's side calls this, on the main thread of what
 * serves. Returns what the hook does.
 */
int fk_poll_lend(forker_server *server);

#endif
