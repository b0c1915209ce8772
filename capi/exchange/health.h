/* The health service of gRPC: grpc.health.v1.Health, which says of services of the program whether they serve. */
#ifndef FORKER_HEALTH_H
#define FORKER_HEALTH_H

#include "base/server.h"

/* Releases what a server knows of its services. */
void fk_health_free(forker_server *server);

#endif
