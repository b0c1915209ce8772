/* The way of the access log's lines out of the process; what they look like is package engine/access's. */
#ifndef FORKER_ACCESS_H
#define FORKER_ACCESS_H

#include "server.h"

/*
 * Writes whole lines to the file of option access_log_file, or to stderr. Returns how many of them could not be
 * written. Any thread: lines that were written while the file was changed for another one are in one of the two.
 */
size_t fk_access_write(const forker_server *server, const char *lines, size_t len);

/* Gives each line to the program's callback, on the thread that serves. The newlines are overwritten. */
void fk_access_tell(const forker_server *server, char *lines, size_t len);

#endif
