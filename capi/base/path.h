/*
 * Paths that options name. A relative one is meant from the directory in which run was called, and stays so: a program
 * that has become a daemon may change to another one.
 */
#ifndef FORKER_PATH_H
#define FORKER_PATH_H

#include <limits.h>

#include "base/server.h"

enum { FK_PATH_ROOM = PATH_MAX + FK_OPTION_TEXT_MAX };

/* Notes the present directory. A step of run: returns FORKER_OK, also where it has no path any more. */
int fk_path_begin(forker_server *server);

/* Writes the path that an option has, from the root if that is known. Returns `path`. */
const char *fk_path_of(const forker_server *server, int option, char path[FK_PATH_ROOM]);

/* The same for a text of another option. */
const char *fk_path_from(const forker_server *server, const char *text, char path[FK_PATH_ROOM]);

#endif
