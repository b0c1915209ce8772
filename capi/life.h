/* The life of server objects. */
#ifndef FORKER_LIFE_H
#define FORKER_LIFE_H

#include "server.h"

/* Calls `visit` for each server of this process. */
void fk_servers_visit(void (*visit)(forker_server *server));

/* The process was forked by the program: a server that does not run may be run by parent or child now. */
void fk_server_split(forker_server *server);

/*
 * In the child of such a fork: of a server that runs, closes all descriptors, and has calls return FORKER_E_PROCESS
 * from now on. One that does not run becomes the child's own, if it can run there.
 */
void fk_server_leave(forker_server *server);

#endif
