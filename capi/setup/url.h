/* Names of routes. */
#ifndef FORKER_URL_H
#define FORKER_URL_H

#include "base/server.h"
#include "setup/pattern.h"

/* Gives the route of that index a name. Returns FORKER_OK, FORKER_E_INVALID, FORKER_E_OPTION or FORKER_E_MEMORY. */
int fk_route_name(forker_server *server, uint32_t index, const char *name);

#endif
