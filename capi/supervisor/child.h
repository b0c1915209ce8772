/* Forking and reaping: the mechanism of the spawner. */
#ifndef FORKER_CHILD_H
#define FORKER_CHILD_H

#include "supervisor/spawner.h"

/* Forks the master. Returns false with errno. */
bool fk_child_fork_master(fk_spawner *spawner);

/* Forks a worker into an empty slot. Returns false with errno. */
bool fk_child_fork_worker(fk_spawner *spawner, uint32_t slot);

/* Forks the process that looks at certificates, which writes to ends[1]. Returns its pid, or -1 with errno. */
pid_t fk_child_fork_inspector(fk_spawner *spawner, const int ends[2]);

/*
 * The parent's side of a fork: of the pair of ends, `kept` stays and `given` is the child's. Returns false with errno.
 */
bool fk_child_settle(fk_child *child, pid_t pid, int kept, int given);

/*
 * Looks whether the child has exited. If so, reaps it, clears it and gives its wait status (-1: somebody else reaped
 * it).
 */
bool fk_child_reap(fk_child *child, int *status_out);

/* A pidfd of a process, or -1 where the kernel has none. */
int fk_child_open_pidfd(pid_t pid);

/* When the next fork is allowed by FK_FORKS_PER_SECOND. */
uint64_t fk_child_next_fork(const fk_spawner *spawner);

/* How long to wait after the n-th failed boot in a row: the first time, each time so many tenths, at most. */
enum { FK_BACKOFF_FIRST_MS = 100, FK_BACKOFF_TENTHS = 16, FK_BACKOFF_MOST_MS = 30000 };
uint64_t fk_child_backoff(uint32_t failed_boots);

#endif
