/* Groups of routes: a prefix, options, and functions around the handlers. */
#ifndef FORKER_GROUP_H
#define FORKER_GROUP_H

#include "base/server.h"

/* Makes what the routes do ready, before a server is forked or serves. Returns FORKER_OK or FORKER_E_MEMORY. */
int fk_groups_plan(forker_server *server);

/* Releases the groups. */
void fk_groups_free(forker_server *server);

#endif
