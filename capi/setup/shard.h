/*
 * Option reuseport: an address has one listening socket for each worker, all bound with SO_REUSEPORT, and the kernel
 * spreads new connections over them. The spawner opens and holds them, so that what is queued outlives a worker.
 *
 * Every worker watches all of them: its own as the first that is woken, the others' as a helper who is woken only if
 * those before it are busy. So no queue depends on one worker: not while it runs a handler, not when it has died, hangs
 * or was scaled away.
 */
#ifndef FORKER_SHARD_H
#define FORKER_SHARD_H

#include "base/server.h"

/* Opens the sockets besides the first one of each listener that wants them. Returns FORKER_OK or FORKER_E_ADDRESS. */
int fk_shards_open(forker_server *server);

/* Closes those of a listener. */
void fk_shards_close(fk_listener *listener);

#endif
