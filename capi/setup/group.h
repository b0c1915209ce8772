/* Groups of routes: a prefix, options, and functions around the handlers. */
#ifndef FORKER_GROUP_H
#define FORKER_GROUP_H

#include "base/server.h"

/* Makes what the routes do ready, before a server is forked or serves. Returns FORKER_OK, FORKER_E_MEMORY, or what fk_grpc_plan() does. */
int fk_groups_plan(forker_server *server);

/* forker_group_use(), of functions that are the program's or the library's own; `call` names it. What it has to release is its own only if that is FORKER_OK. */
int fk_group_use(forker_group *group, const char *call, const fk_use *use);

/* Has the group's functions and gates asked also about what is below its prefix and has no route there. */
int fk_group_guard(forker_group *group);

/* Releases the groups. */
void fk_groups_free(forker_server *server);

#endif
