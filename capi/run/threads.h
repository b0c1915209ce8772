/* The threads that a process has before it forks. */
#ifndef FORKER_THREADS_H
#define FORKER_THREADS_H

#include "base/server.h"

/* Warns of several threads or refuses them, as option threads says. Returns FORKER_OK or FORKER_E_THREADS. */
int fk_threads_check(forker_server *server);

#endif
