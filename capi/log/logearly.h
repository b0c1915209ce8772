/* Lines that are logged before the error log is open. They go to stderr, and into the log once it is open. */
#ifndef FORKER_LOGEARLY_H
#define FORKER_LOGEARLY_H

#include "base/server.h"
#include "log/sink.h"

/* Keeps a line with its newline, if the server is not running and its error log not open. */
void fk_logearly_keep(forker_server *server, const char *line, size_t len);

/* Writes what was kept to `sink`, if the error log is open now, and forgets it. */
void fk_logearly_flush(forker_server *server, fk_sink sink);

#endif
