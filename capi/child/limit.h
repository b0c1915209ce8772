/* What the kernel lets a worker use: descriptors, core dumps, memory in need, a CPU of its own. */
#ifndef FORKER_LIMIT_H
#define FORKER_LIMIT_H

#include "base/server.h"

/* Before the first fork: refuses limits that a worker could not set. Returns FORKER_OK or what run returns. */
int fk_limit_check(forker_server *server);

/* In worker `index`, while it still has the rights of the spawner. Returns NULL, or what failed, with errno. */
const char *fk_limit_apply(const forker_server *server, uint32_t index);

/* Has this process's table of descriptors grow at once, as long as it has one thread. `fd` is any open descriptor. */
void fk_limit_reserve(int fd);

#endif
