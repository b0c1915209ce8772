/*
 * What is asked of a running server: by API calls and signals of any process, and done by the spawner.
 */
#ifndef FORKER_ACTION_H
#define FORKER_ACTION_H

#include "supervisor/spawner.h"

/* Does what was asked for since the last call. */
void fk_action_obey(fk_spawner *spawner);

/*
 * Takes what the worker of a slot asks for, refuses what it may not, and leaves the rest to fk_action_obey() and the
 * shared header.
 */
void fk_action_hear(fk_spawner *spawner, uint32_t index);

/* Tells a master what may have changed since it was forked: options, log files. */
void fk_action_brief(fk_spawner *spawner);

/* Opens the log files anew, and says so. */
void fk_action_reopen(forker_server *server);

/* Takes the actions that were asked for: for a process without a spawner. */
uint32_t fk_action_take(forker_server *server);

#endif
