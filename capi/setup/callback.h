/* What is around each call of one of the program's functions. */
#ifndef FORKER_CALLBACK_H
#define FORKER_CALLBACK_H

#include "base/server.h"

/*
 * Called when one of the program's functions has returned: ends a process that it has forked and that came back too. The
 * library has left it, and where it would go on there is no Go runtime.
 */
void fk_callback_check(forker_server *server, const char *callback);

/* Calls a hook of the program, if there is one. */
int fk_callback_hook(forker_server *server, const fk_hook *hook);

#endif
