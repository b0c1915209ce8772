/* Methods of gRPC, as the program enters them. */
#ifndef FORKER_GRPC_H
#define FORKER_GRPC_H

#include "base/server.h"

/*
 * Puts the methods that are in no group into those that they are below of, before a server is forked or serves. Returns
 * FORKER_OK, or FORKER_E_ROUTE if that is more than one.
 */
int fk_grpc_plan(forker_server *server);

#endif
