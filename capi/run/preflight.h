/* What is checked before a server begins to serve. */
#ifndef FORKER_PREFLIGHT_H
#define FORKER_PREFLIGHT_H

#include "base/server.h"

/*
 * FORKER_OK if the server can serve from this process: it is running then, and if it `spawns` the process is a spawner.
 * Else what the call named by `verb` returns.
 */
int fk_preflight(forker_server *server, const char *verb, bool spawns);

/* Takes that back: nothing of the server runs. */
void fk_preflight_undo(forker_server *server, bool spawns);

#endif
