/* Orphans, where the spawner is pid 1. Pid 1 of a container gets every process whose parent has died as a child, and nobody else will reap them. */
#ifndef FORKER_REAPER_H
#define FORKER_REAPER_H

#include "supervisor/spawner.h"

/* Begins to look for orphans, if this process is pid 1. */
void fk_reaper_start(void);

/* Puts the program's SIGCHLD handler back. */
void fk_reaper_stop(void);

/* Closes the descriptor only: for a forked process. */
void fk_reaper_forget(void);

/* What to poll, or -1. */
int fk_reaper_fd(void);

/* Whether orphans must be looked for at intervals, because the program handles SIGCHLD by itself. */
bool fk_reaper_sweeps(void);

/* Reaps those that have exited. The spawner's own children are left to it, with their wait status. */
void fk_reaper_sweep(const fk_spawner *spawner);

#endif
