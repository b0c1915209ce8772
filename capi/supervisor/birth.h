/* The first steps of a forked process. */
#ifndef FORKER_BIRTH_H
#define FORKER_BIRTH_H

#include "supervisor/spawner.h"

/* Turns this process, just forked, into the master; `channel` leads to the spawner. */
_Noreturn void fk_birth_master(fk_spawner *spawner, int channel);

/* Turns this process, just forked, into one that looks at the certificates and says to `fd` what it has found. */
_Noreturn void fk_birth_inspector(fk_spawner *spawner, int fd);

/* Turns this process, just forked, into the worker of slot `index`; `channel` leads to the master. */
_Noreturn void fk_birth_worker(fk_spawner *spawner, uint32_t index, int channel);

#endif
