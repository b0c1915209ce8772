/* How many workers there are, as the spawner sees it. */
#ifndef FORKER_READYCOUNT_H
#define FORKER_READYCOUNT_H

#include "supervisor/spawner.h"

/* How many workers are READY, of those that are wanted. */
uint32_t fk_ready_count_ready(const fk_spawner *spawner);

/* How many the master keeps alive; 0 until it has said so. */
uint32_t fk_ready_count_wanted(const fk_spawner *spawner);

/* Whether all of them are READY and nothing is being replaced, drained or stopped. */
bool fk_ready_count_is_complete(const fk_spawner *spawner);

#endif
