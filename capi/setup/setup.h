/* Setting up a server object, before it runs. */
#ifndef FORKER_SETUP_H
#define FORKER_SETUP_H

#include "base/server.h"

/* Remembers the sentence of a setup call that has failed, and returns `code`: run will refuse to start. A NULL format keeps the sentence that is there. */
int fk_setup_fail(forker_server *server, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* FORKER_OK if the server can be set up now, or the code to return. */
int fk_setup_refuses(forker_server *server);

#endif
