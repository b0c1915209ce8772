/* The signals of the process that called run. */
#ifndef FORKER_SIGNALS_H
#define FORKER_SIGNALS_H

#include <signal.h>

#include "base/server.h"

/*
 * Installs the handlers that steer `server`, if option handle_signals allows; remembers the program's own. From now on
 * the thread has `mask`, without the signals that are handled. What a terminal sends is ignored if `background` says
 * that it is the host's to handle. One server at a time can have the signals of a process: false, another one has.
 */
bool fk_signals_take(forker_server *server, const sigset_t *mask, bool background);

/* Puts the program's own handlers and mask back, if `server` has the signals. */
void fk_signals_give_back(const forker_server *server);

/*
 * For a handler of the library's: whether it runs in another process than `owner`, which the program has made in a way
 * that fork handlers do not hear of (clone(2), _Fork(3)). Then the signal takes its default course there.
 */
bool fk_signals_strayed(int number, pid_t owner);

/* In a forked process: ignores what is the spawner's to handle, as when a shell signals the whole process group. */
void fk_signals_leave(void);

/*
 * Has every handler of the program's run on the alternate stack that each Go thread has: a goroutine's own stack is too
 * small for one. Go does that with those which it finds at its start; this is for those that a hook has installed
 * since.
 */
void fk_signals_use_altstack(void);

#endif
