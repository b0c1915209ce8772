/* The servers of this process, for what concerns all of them. */
#ifndef FORKER_SERVERS_H
#define FORKER_SERVERS_H

#include "base/server.h"

/* Enters one that was made, and takes out one that goes away. */
void fk_servers_add(forker_server *server);
void fk_servers_remove(const forker_server *server);

/* Calls `visit` for each. */
void fk_servers_visit(void (*visit)(forker_server *server));

#endif
