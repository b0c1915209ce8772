/* Lines that could not be written, until that can be told where they are missing. */
#ifndef FORKER_LOGLOSS_H
#define FORKER_LOGLOSS_H

#include "base/server.h"

/* What errno does not have: lines come faster than they are written. */
enum { FK_LOGLOSS_LATE = -1 };

/* Counts lines of a log (FK_LOGFILE_*) that are lost, and why: errno or FK_LOGLOSS_LATE. Any thread. */
void fk_logloss_count(forker_server *server, int which, uint32_t lines, int reason);

/* What was counted since it was last asked. false: nothing. */
bool fk_logloss_take(forker_server *server, int which, fk_logloss *loss_out);

/* A loss in words. */
void fk_logloss_describe(const fk_logloss *loss, int which, char *text, size_t size);

/* Forgets what the process counted that this one was forked from. */
void fk_logloss_forget(forker_server *server);

#endif
