/*
 * The files that are logged to. The spawner opens them, also anew after they were renamed away; the other processes
 * inherit their descriptors or are sent new ones, so that they need no permission of their own, nor the path to be
 * inside of their root directory.
 */
#ifndef FORKER_LOGFILE_H
#define FORKER_LOGFILE_H

#include "base/server.h"
#include "log/sink.h"

/* Whether a descriptor is the stream to systemd's journal that JOURNAL_STREAM names, systemd.exec(5). */
bool fk_logfile_is_journal(int fd);

/* What one of them is called by its option, and the name of that. */
const char *fk_logfile_name(const forker_server *server, int which);
const char *fk_logfile_option(int which);

/* Opens those that the options name. Returns FORKER_OK or FORKER_E_SYSTEM. */
int fk_logfile_open(forker_server *server);

/* Opens that of the errors alone, if it is not open. Returns whether it is. */
bool fk_logfile_open_errors(forker_server *server);

void fk_logfile_close(forker_server *server);

/* Opens one of them anew. Returns false with errno: it stays what it was. In the spawner, or with workers=0. */
bool fk_logfile_reopen(forker_server *server, int which);

/* Uses a descriptor of a file that was opened anew, and closes it. Whoever is writing just now is not disturbed. */
void fk_logfile_take(forker_server *server, int which, int fd);

/* What lines of a log (FK_LOGFILE_*) are written to: its file, or stderr. */
fk_sink fk_logfile_sink(const forker_server *server, int which);

#endif
