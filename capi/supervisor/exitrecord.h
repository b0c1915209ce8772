/*
 * What is kept in the shared memory of workers that are gone: how many for which reason, and the latest that was lost.
 */
#ifndef FORKER_EXITRECORD_H
#define FORKER_EXITRECORD_H

#include "supervisor/spawner.h"

/*
 * Enters a worker that was reaped just now; its slot must still be as it left it, `box` is a copy of its black box. The
 * spawner only.
 */
void fk_exit_record_write(fk_spawner *spawner, uint32_t index, pid_t pid, int status, const fk_black_box *box);

/* The master has said how the worker of this generation died. */
void fk_exit_record_said(fk_spawner *spawner, uint32_t index, uint32_t generation);

/* Says how the latest worker of a slot died, if the master has not: there is none, or it has died too. */
void fk_exit_record_say(fk_spawner *spawner, uint32_t index);

#endif
