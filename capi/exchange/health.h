/*
 * The health service of gRPC: grpc.health.v1.Health, which says of services of the program whether they serve. What they are is
 * health.c's, the methods of the service are healthcalls.c's.
 */
#ifndef FORKER_HEALTH_H
#define FORKER_HEALTH_H

#include "base/server.h"

enum { FK_HEALTH_SERVICES = 64, FK_HEALTH_NAME = 200 };

struct fk_watch;

struct fk_health {
    uint32_t count; /* of services */
    char names[FK_HEALTH_SERVICES][FK_HEALTH_NAME + 1];
    uint32_t *statuses; /* shared, written by any process */
    int changes_fd;     /* eventfd, written to by any process when a status has changed and read by none; -1: closed */
    struct fk_watch *watches; /* the loop's: calls of Watch in this process */
};

/* The place of a service; -1: there is none. */
int fk_health_find(const struct fk_health *health, const char *name, size_t len);

/* What a service is now. One that the program says nothing of any more, because the process drains, does not serve. */
uint8_t fk_health_status(const forker_server *server, int place);

/* Enters the methods of the service, all or none. Returns what forker_server_grpc() does. */
int fk_health_enter_methods(forker_server *server);

/* Tells all that watch in this process what has changed, and ends their calls if it drains. The loop's thread. */
void fk_health_tell(forker_server *server);

/* The descriptor that is written to when a status has changed, to be watched for edges; -1: there is no health service. */
int fk_health_changes(const forker_server *server);

/* In a child that the program has forked off a running server: closes the descriptor. */
void fk_health_forget(forker_server *server);

/* Releases what a server knows of its services. */
void fk_health_free(forker_server *server);

#endif
