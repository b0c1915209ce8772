/* Forks of the library's own: not those that it leaves its things in the children of (atfork.h). */
#ifndef FORKER_FORK_H
#define FORKER_FORK_H

#include <sys/types.h>

#include "forker.h"

/* Forks, by `fork_fn` or if that is NULL by fork(2). */
pid_t fk_fork_own(forker_fork_fn fork_fn, void *user);

#endif
