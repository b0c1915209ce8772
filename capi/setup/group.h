/* Groups of routes: a prefix, options, and functions around the handlers. */
#ifndef FORKER_GROUP_H
#define FORKER_GROUP_H

#include "base/server.h"

/* Makes what the routes do ready, before a server is forked or serves. Returns FORKER_OK, FORKER_E_MEMORY, or what fk_grpc_plan() does. */
int fk_groups_plan(forker_server *server);

/* Has the group's functions and gates asked also about what is below its prefix and has no route there. */
int fk_group_guard(forker_group *group);

/* Releases the groups. */
void fk_groups_free(forker_server *server);

#endif
