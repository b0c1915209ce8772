/*
 * What is kept in the shared memory of workers that are gone: how many for which cause, and the latest that was lost.
 */
#ifndef FORKER_OBITUARY_H
#define FORKER_OBITUARY_H

#include "spawner.h"

/* Enters a worker that was reaped just now; its slot must still be as it left it. The spawner only. */
void fk_obituary_write(fk_spawner *spawner, uint32_t index, pid_t pid, int status);

#endif
