/* The masters, each the successor of one that died: when another is forked, and when none is any more. */
#ifndef FORKER_SUCCESSION_H
#define FORKER_SUCCESSION_H

#include "supervisor/spawner.h"

/* The master was reaped, with this wait status (-1: somebody else reaped it). */
void fk_succession_follow(fk_spawner *spawner, int status);

/* Forks a master, if there is none and it is time. Returns when to look again. */
uint64_t fk_succession_fork(fk_spawner *spawner, uint64_t now);

#endif
