/* Timers of the program, on the main thread of the process that serves. */
#ifndef FORKER_TIMER_H
#define FORKER_TIMER_H

#include "base/server.h"

/* Takes timers from now on. Returns a descriptor that can be read when some are due, or -1 with errno. */
int fk_timers_open(forker_server *server);

/* Calls those that are due. On the main thread. */
void fk_timers_run(forker_server *server);

/* Takes none any more, and ends all. */
void fk_timers_close(forker_server *server);

#endif
