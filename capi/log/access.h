/* The way of the access log's lines out of the process; what they look like is package engine/access's. */
#ifndef FORKER_ACCESS_H
#define FORKER_ACCESS_H

#include "base/server.h"

/*
 * Writes whole lines to the file of option access_log_file, or to stderr. Those that cannot be written are counted. Any
 * thread: lines that were written while the file was changed for another one are in one of the two.
 */
void fk_access_write(forker_server *server, const char *lines, size_t len);

/* Counts lines that came too fast to be written. Any thread. */
void fk_access_miss(forker_server *server, uint32_t lines);

/* Gives each line to the program's callback, on the thread that serves. The newlines are overwritten. */
void fk_access_tell(const forker_server *server, char *lines, size_t len);

#endif
