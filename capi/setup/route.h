/* Routes, as the program enters them. What they match is package router's. */
#ifndef FORKER_ROUTE_H
#define FORKER_ROUTE_H

#include "base/server.h"

/* Releases the routes. */
void fk_routes_free(forker_server *server);

#endif
