/*
 * What is asked of a running server besides a stop: by API calls and signals of any process, and done by the spawner.
 */
#ifndef FORKER_ACTION_H
#define FORKER_ACTION_H

#include "spawner.h"

/* Bits of fk_shared.actions. */
enum { FK_ACTION_DRAIN = 1, FK_ACTION_SCALE = 2, FK_ACTION_RELOAD = 4, FK_ACTION_REOPEN = 8, FK_ACTION_UPGRADE = 16 };

/* Does what was asked for since the last call. */
void fk_action_obey(fk_spawner *spawner);

/* Takes the actions that were asked for: for a process without a spawner. */
uint32_t fk_action_take(forker_server *server);

#endif
