/* Routes, as the program enters them. What they match is package router's. */
#ifndef FORKER_ROUTE_H
#define FORKER_ROUTE_H

#include "base/server.h"

/* What a program registers. */
typedef struct {
    forker_server *server;
    forker_group *group; /* NULL: the server itself */
    const char *methods;
    const char *prefix; /* of the group; "": none */
    const char *pattern;
    forker_handler handler;
    void *user;
    const char *directory; /* in place of a handler: its files are served */
    bool follows;          /* likewise: it belongs to the route before */
} fk_route_spec;

/* Registers a route of a server that can be set up, as the last one of its routes. */
int fk_route_add(const fk_route_spec *spec);

/* The same for forker_server_route() and its like, which give the program a handle. */
int fk_route_handle(const fk_route_spec *spec, forker_route **route_out);

/* Registers that the functions of a group are asked about whatever is below its prefix and has no route there. */
int fk_route_guard(forker_group *group);

/* Takes back all routes but the first `count`; none of the others is that of a group's guard. */
void fk_routes_cut(forker_server *server, uint32_t count);

/* Releases the routes. */
void fk_routes_free(forker_server *server);

#endif
