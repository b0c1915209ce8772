/* What the spawner tells the master. */
#ifndef FORKER_TELLING_H
#define FORKER_TELLING_H

#include <stddef.h>
#include <stdint.h>

#include "supervisor/spawner.h"

/* Sends the master a message about the server as a whole. */
void fk_tell(fk_spawner *spawner, uint16_t type, const void *payload, size_t length);

/* Tells it a number, and passes a descriptor. */
void fk_tell_number(fk_spawner *spawner, uint16_t type, int32_t number, int passed);

/* Tells it of a worker, and passes its end of the worker's channel. */
void fk_tell_worker(fk_spawner *spawner, uint16_t type, uint32_t index);

/* Tells it that no worker was forked for a slot, of which this is the latest generation; `reason` is an errno. */
void fk_tell_failed(fk_spawner *spawner, uint32_t index, uint32_t generation, int reason);

/* Tells it that a worker has exited, with a status of waitpid(2). */
void fk_tell_exited(fk_spawner *spawner, uint32_t index, pid_t pid, int status, bool served);

#endif
