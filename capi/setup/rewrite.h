/* Paths that stand for others. */
#ifndef FORKER_REWRITE_H
#define FORKER_REWRITE_H

#include "base/server.h"

void fk_rewrites_free(forker_server *server);

#endif
