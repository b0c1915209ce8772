/* The methods of the health service of gRPC. */
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "exchange/exchange.h"
#include "exchange/health.h"
#include "exchange/protobuf.h"
#include "setup/grpc.h"

enum { INVALID_ARGUMENT = 3, NOT_FOUND = 5, UNAVAILABLE = 14, SERVICE_UNKNOWN = 3, NOTHING = UINT8_MAX };

/* A call of Watch. */
struct fk_watch {
    forker_server *server;
    forker_deferred handle;
    int place;    /* of the service; -1: there is no such service, and never will be */
    uint8_t told; /* what the client knows; NOTHING: nothing yet */
    struct fk_watch *next, **link;
};

typedef struct fk_watch fk_watch;

/* The service that a HealthCheckRequest names: the last field 1. false: the message is malformed. */
static bool read_service(forker_request *req, const char **name_out, size_t *len_out)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    fk_proto_reader reader = fk_proto_read(message, len);
    fk_proto_field field;
    int found;
    *name_out = "";
    *len_out = 0;
    while ((found = fk_proto_next(&reader, &field)) > 0) {
        if (fk_proto_has_bytes(&field, 1)) {
            *name_out = field.data;
            *len_out = field.len;
        }
    }
    return found == 0;
}

static int refuse(forker_request *req)
{
    return forker_grpc_fail(req, INVALID_ARGUMENT, "the message is no HealthCheckRequest");
}

/* Writes a HealthCheckResponse: a number that is 0 is left out. */
static size_t write_response(uint8_t response[2], uint8_t status)
{
    response[0] = 1 << 3 | FK_PROTO_VARINT;
    response[1] = status;
    return status == 0 ? 0 : 2;
}

static int check(forker_request *req, void *user)
{
    const char *name;
    size_t len;
    uint8_t response[2];
    (void)user;
    if (!read_service(req, &name, &len)) {
        return refuse(req);
    }
    int place = fk_health_find(req->server->grpc.health, name, len);
    if (place < 0) {
        return forker_grpc_fail(req, NOT_FOUND, "unknown service");
    }
    return forker_grpc_reply(req, response, write_response(response, fk_health_status(req->server, place)));
}

/* A map in a message is a field for each entry, with a key and a value. */
static bool put_entry(fk_block *out, const char *name, uint8_t status)
{
    uint8_t response[2];
    size_t name_len = strlen(name), len = write_response(response, status);
    return fk_proto_put_head(out, 1, fk_proto_size(1, name_len) + fk_proto_size(2, len)) &&
           fk_proto_put_bytes(out, 1, name, name_len) && fk_proto_put_bytes(out, 2, response, len);
}

static int list(forker_request *req, void *user)
{
    const struct fk_health *health = req->server->grpc.health;
    fk_block all = {0};
    bool done = true;
    (void)user;
    for (uint32_t i = 0; done && i < health->count; i++) {
        done = put_entry(&all, health->names[i], fk_health_status(req->server, (int)i));
    }
    int code = done ? forker_grpc_reply(req, all.data, (size_t)all.len) : FORKER_E_MEMORY;
    fk_block_free(&all);
    return code;
}

/* Sends what the service is, if the client does not know it. What waits for the client is sent when there is room again. */
static void tell(fk_watch *watch)
{
    uint8_t response[2], status = SERVICE_UNKNOWN;
    if (watch->place >= 0) {
        status = fk_health_status(watch->server, watch->place);
    }
    if (status != watch->told &&
        forker_grpc_send(watch->handle, response, write_response(response, status)) == FORKER_OK) {
        watch->told = status;
    }
    if (fk_process_draining(watch->server)) {
        (void)forker_grpc_finish(watch->handle, UNAVAILABLE, "the worker drains");
    }
}

void fk_health_tell(forker_server *server)
{
    for (fk_watch *watch = server->grpc.health != NULL ? server->grpc.health->watches : NULL; watch != NULL;
         watch = watch->next) {
        tell(watch);
    }
}

static void on_close(forker_deferred handle, int reason, void *user)
{
    fk_watch *watch = user;
    (void)reason;
    (void)forker_deferred_drop(handle); /* if it is not used up */
    *watch->link = watch->next;
    if (watch->next != NULL) {
        watch->next->link = watch->link;
    }
    free(watch);
}

static void on_drain(forker_deferred handle, void *user)
{
    (void)handle;
    tell(user);
}

static int watch_service(forker_request *req, void *user)
{
    const char *name;
    size_t len;
    (void)user;
    if (!read_service(req, &name, &len)) {
        return refuse(req);
    }
    struct fk_health *health = req->server->grpc.health;
    fk_watch *watch = malloc(sizeof *watch);
    if (watch == NULL) {
        return FORKER_E_MEMORY;
    }
    *watch = (fk_watch){.server = req->server, .place = fk_health_find(health, name, len), .told = NOTHING};
    int code = forker_request_defer(req, &watch->handle);
    if (code != FORKER_OK) {
        free(watch);
        return code;
    }
    watch->next = health->watches;
    watch->link = &health->watches;
    if (watch->next != NULL) {
        watch->next->link = &watch->next;
    }
    health->watches = watch;
    /* Neither can fail: the request does not end while the loop is in this handler. */
    (void)forker_deferred_on_close(watch->handle, on_close, watch);
    (void)forker_stream_on_drain(watch->handle, on_drain, watch);
    tell(watch);
    return FORKER_DEFERRED;
}

int fk_health_enter_methods(forker_server *server)
{
    static const fk_own_method methods[] = {
        {"/grpc.health.v1.Health/Check", FORKER_GRPC_UNARY, check},
        {"/grpc.health.v1.Health/List", FORKER_GRPC_UNARY, list},
        {"/grpc.health.v1.Health/Watch", FORKER_GRPC_SERVER_STREAM, watch_service},
    };
    return fk_grpc_add_own(server, methods, sizeof methods / sizeof *methods);
}
