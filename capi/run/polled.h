/* Serving on the program's own event loop. */
#ifndef FORKER_POLLED_H
#define FORKER_POLLED_H

#include "base/server.h"

/* forker_server_open(), for the call named by `verb`. portless: it needs no listening socket. */
int fk_poll_open(forker_server *server, const char *verb, bool portless);

/* FORKER_OK if this thread may poll the server, or why not; `verb` as before. */
int fk_poll_check(forker_server *server, const char *verb);

/* One step of a server that may be polled: 1 if it goes on, else it has ended and is closed. */
int fk_poll_step(forker_server *server, int32_t timeout_ms);

/* Polls a server that was told to stop until it has ended, for at most so long. false: it has not. */
bool fk_poll_to_end(forker_server *server, int32_t patience_ms);

/*
 * Calls the hook worker_loop, in which the program polls the server; Go's side calls this, on the main thread of what
 * serves. Returns what the hook does.
 */
int fk_poll_lend(forker_server *server);

#endif
