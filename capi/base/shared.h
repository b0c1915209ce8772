/*
 * The shared memory (slot.h): making it, and taking from a worker what of it is not its own.
 */
#ifndef FORKER_SHARED_H
#define FORKER_SHARED_H

#include "base/server.h"

/* Makes it, empty, in place of that of an earlier run. Returns FORKER_OK or what run returns. */
int fk_shared_map(forker_server *server);

/* Nobody serves any more. The memory stays for whoever wants to see the figures of this run. */
void fk_shared_end(forker_server *server);

/* Releases it. */
void fk_shared_unmap(forker_server *server);

/*
 * In a forked worker, while it still has the descriptor of the memory: from now on it can write its own page and boxes,
 * and read the rest. Returns NULL, or what failed, with errno.
 */
const char *fk_shared_confine(forker_server *server, uint32_t index);

/*
 * In a process that is not to ask as the spawner does, and for each server of the program: a forked worker, once it is
 * confined, the master, and what the program forks by itself.
 */
void fk_shared_forget_orders(forker_server *server);

#endif
