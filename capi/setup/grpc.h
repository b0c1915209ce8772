/* Methods of gRPC, as the program enters them. */
#ifndef FORKER_GRPC_H
#define FORKER_GRPC_H

#include "base/server.h"

/* A method of a service that is the library's own. */
typedef struct {
    const char *name;
    int kind;
    forker_handler handler;
} fk_own_method;

/*
 * Enters methods of the library's own, all of them or none. Their handlers are called on the main thread, since they never block.
 * Returns what forker_server_grpc_route() does.
 */
int fk_grpc_add_own(forker_server *server, const fk_own_method *methods, size_t count);

/*
 * Puts the methods that are in no group into those that they are below of, before a server is forked or serves. Returns
 * FORKER_OK, or FORKER_E_ROUTE if that is more than one.
 */
int fk_grpc_plan(forker_server *server);

#endif
