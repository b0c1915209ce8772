/* The end of a tree: from the first word of a stop to the kill of what has outlived its time. */
#ifndef FORKER_SHUTDOWN_H
#define FORKER_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/spawner.h"

/* Begins to stop, or shortens a stop that has begun. */
void fk_shutdown_begin(fk_spawner *spawner, int32_t timeout_ms);

/* Stops, and has run fail; `reason` is FK_GIVE_UP_*. */
void fk_shutdown_give_up(fk_spawner *spawner, int32_t reason, const char *text);

/* What the workers have left; -1: the server is not stopping. */
int32_t fk_shutdown_left_ms(const fk_spawner *spawner);

/* Kills what has outlived its time. Returns when to look again. */
uint64_t fk_shutdown_follow(fk_spawner *spawner);

/* Whether no process of the tree is left. */
bool fk_shutdown_is_over(const fk_spawner *spawner);

#endif
