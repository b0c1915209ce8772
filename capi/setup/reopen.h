/* Log files that were renamed away are opened anew, and the program does the same with its own. */
#ifndef FORKER_REOPEN_H
#define FORKER_REOPEN_H

#include "base/server.h"

/*
 * Opens what is logged to anew, after it was renamed away, and lets the program do the same by its on_reopen hook.
 * Called in every process of the tree, on its main thread; the hook not in the master, where nothing of the program
 * runs.
 */
void fk_reopen(forker_server *server);

#endif
