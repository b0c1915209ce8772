/* Forks: those of the library, and those of the program, in whose children the library leaves everything. */
#ifndef FORKER_FORK_H
#define FORKER_FORK_H

#include <sys/types.h>

#include "forker.h"

/* From now on the library hears of forks. */
void fk_fork_watch(void);

/* Forks a process of the library's own, by `fork_fn` or if that is NULL by fork(2). */
pid_t fk_fork_own(forker_fork_fn fork_fn, void *user);

#endif
