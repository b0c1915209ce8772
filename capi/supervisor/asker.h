/* Who has asked the server to stop, to reload and the like: for the line that says why. */
#ifndef FORKER_ASKER_H
#define FORKER_ASKER_H

#include <signal.h>

#include "base/server.h"

enum { FK_ASKER_TEXT = 128 };

/* Has what the calling thread asks until fk_asker_end() be asked by a signal. Async-signal-safe. */
void fk_asker_begin(int number, const siginfo_t *info);
void fk_asker_begin_worker(uint32_t index, int32_t pid); /* the same by a worker, which the spawner has heard */
void fk_asker_end(void);

/* Notes that the calling thread asks for something, FK_ASK_*. Before it is asked. Async-signal-safe. */
void fk_asker_note(forker_server *server, int what);

/* Puts into words who has asked for it last, and forgets it: "SIGTERM from process 72". "": the library itself. */
void fk_asker_describe(forker_server *server, int what, char text[FK_ASKER_TEXT]);

/* Says that the server stops, why, and within which time. */
void fk_asker_tell_stop(forker_server *server, int32_t timeout_ms);

#endif
