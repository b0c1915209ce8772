/* The hooks of the program that are called in the spawner. */
#ifndef FORKER_HOOK_H
#define FORKER_HOOK_H

#include "base/server.h"

/* Calls before_fork for worker `index`. false with errno: the program does not want the fork. */
bool fk_hook_before_fork(forker_server *server, uint32_t index);

/* Calls worker_died. `box` is that of the slot as the worker left it. */
void fk_hook_worker_died(forker_server *server, uint32_t index, pid_t pid, int status, const fk_black_box *box);

/* Calls master_tick if it is due. Returns when it is next, UINT64_MAX if never. */
uint64_t fk_hook_tick(forker_server *server, uint64_t now, uint64_t *due_ns);

#endif
