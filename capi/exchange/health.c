/*
 * The health service of gRPC, as handlers of two methods. The names of services are fixed when the server runs; what they are is in a page
 * that all processes share. A process writes there what it likes: whatever is not a status is taken for none.
 */
#include "exchange/health.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/process.h"
#include "exchange/exchange.h"
#include "setup/setup.h"

enum { SERVICES_MOST = 64, NAME_MOST = 200, NOT_FOUND = 5, INVALID_ARGUMENT = 3 };

struct fk_health {
    uint32_t count;
    char names[SERVICES_MOST][NAME_MOST + 1];
    uint32_t *statuses; /* shared, written by any process */
};

/* The place of a service; -1: there is none. */
static int find(const struct fk_health *health, const char *name, size_t len)
{
    for (uint32_t i = 0; i < health->count; i++) {
        if (strlen(health->names[i]) == len && memcmp(health->names[i], name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* What a service is now. One that the program says nothing of any more, because the process drains, does not serve. */
static uint8_t status_of(forker_request *req, int place)
{
    uint32_t status = __atomic_load_n(&req->server->health->statuses[place], __ATOMIC_RELAXED);
    if (forker_request_draining(req)) {
        return FORKER_HEALTH_NOT_SERVING;
    }
    return status <= FORKER_HEALTH_NOT_SERVING ? (uint8_t)status : FORKER_HEALTH_UNKNOWN;
}

/* ------------------------------------------------------------------------------------------------ protobuf, by hand */

static bool take_varint(const uint8_t **p, const uint8_t *end, uint64_t *value_out)
{
    *value_out = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        *value_out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Steps over a field of which the tag was read; *len_out is its length if it has one. false: it is malformed. */
static bool skip_field(const uint8_t **p, const uint8_t *end, unsigned type, uint64_t *len_out)
{
    uint64_t size = type == 1 ? 8 : type == 5 ? 4 : 0;
    *len_out = 0;
    if (type == 0) {
        return take_varint(p, end, &size);
    }
    if (type == 2 && !take_varint(p, end, &size)) {
        return false;
    }
    if (type > 5 || type == 3 || type == 4 || size > (uint64_t)(end - *p)) {
        return false;
    }
    *p += size;
    *len_out = size;
    return true;
}

/* The service that a HealthCheckRequest names: the last field 1. false: the message is malformed. */
static bool read_service(const uint8_t *p, size_t len, const char **name_out, size_t *name_len_out)
{
    const uint8_t *end = p + len;
    *name_out = "";
    *name_len_out = 0;
    while (p < end) {
        uint64_t tag, size;
        if (!take_varint(&p, end, &tag) || !skip_field(&p, end, (unsigned)tag & 7, &size)) {
            return false;
        }
        if (tag == (1 << 3 | 2)) {
            *name_out = (const char *)p - size;
            *name_len_out = (size_t)size;
        }
    }
    return true;
}

/* Writes a HealthCheckResponse: a number that is 0 is left out. */
static size_t write_response(uint8_t *p, uint8_t status)
{
    p[0] = 1 << 3;
    p[1] = status;
    return status == 0 ? 0 : 2;
}

/* ------------------------------------------------------------------------------------------------------ the methods */

static int check(forker_request *req, void *user)
{
    const char *name;
    size_t len, name_len;
    uint8_t response[2];
    const void *message = forker_grpc_message(req, &len);
    (void)user;
    if (!read_service(message, len, &name, &name_len)) {
        return forker_grpc_fail(req, INVALID_ARGUMENT, "the message is no HealthCheckRequest");
    }
    int place = find(req->server->health, name, name_len);
    if (place < 0) {
        return forker_grpc_fail(req, NOT_FOUND, "unknown service");
    }
    return forker_grpc_reply(req, response, write_response(response, status_of(req, place)));
}

/* A map in a message is a field for each entry, with a key and a value. */
static uint8_t *write_entry(uint8_t *p, const char *name, uint8_t status)
{
    uint8_t response[2];
    size_t name_len = strlen(name), response_len = write_response(response, status);
    size_t len = 1 + (name_len > 127 ? 2U : 1U) + name_len + 2 + response_len;
    *p++ = 1 << 3 | 2;
    if (len > 127) {
        *p++ = (uint8_t)(len | 0x80);
        len >>= 7;
    }
    *p++ = (uint8_t)len;
    *p++ = 1 << 3 | 2;
    if (name_len > 127) {
        *p++ = (uint8_t)(name_len | 0x80);
        *p++ = (uint8_t)(name_len >> 7);
    } else {
        *p++ = (uint8_t)name_len;
    }
    memcpy(p, name, name_len);
    p += name_len;
    *p++ = 2 << 3 | 2;
    *p++ = (uint8_t)response_len;
    memcpy(p, response, response_len);
    return p + response_len;
}

static int list(forker_request *req, void *user)
{
    enum { ENTRY_MOST = NAME_MOST + 16 };
    const struct fk_health *health = req->server->health;
    uint8_t *start = forker_grpc_reserve(req, (size_t)health->count * ENTRY_MOST), *p = start;
    (void)user;
    if (start == NULL) {
        return FORKER_E_MEMORY;
    }
    for (uint32_t i = 0; i < health->count; i++) {
        p = write_entry(p, health->names[i], status_of(req, (int)i));
    }
    return forker_grpc_commit(req, (size_t)(p - start));
}

/* ------------------------------------------------------------------------------------------------------- the program */

/* Makes the service, with the program as a whole as the first of what it tells of. */
static int open_health(forker_server *server)
{
    struct fk_health *health = calloc(1, sizeof *health);
    void *page =
        mmap(NULL, SERVICES_MOST * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (health == NULL || page == MAP_FAILED) {
        free(health);
        if (page != MAP_FAILED) {
            (void)munmap(page, SERVICES_MOST * sizeof(uint32_t));
        }
        return fk_setup_fail(server, FORKER_E_MEMORY, "grpc_health: out of memory");
    }
    health->statuses = page;
    health->statuses[0] = FORKER_HEALTH_SERVING;
    health->count = 1;
    server->health = health;
    int code = forker_server_grpc(server, "/grpc.health.v1.Health/Check", FORKER_GRPC_UNARY, check, NULL);
    if (code == FORKER_OK) {
        code = forker_server_grpc(server, "/grpc.health.v1.Health/List", FORKER_GRPC_UNARY, list, NULL);
    }
    return code;
}

/* Enters a service, before the server runs. */
static int enter(forker_server *server, const char *service, int status)
{
    int code = fk_setup_refuses(server);
    if (code == FORKER_OK && strlen(service) > NAME_MOST) {
        code = fk_setup_fail(server, FORKER_E_LIMIT, "grpc_health: a name has at most %d bytes", NAME_MOST);
    }
    if (code == FORKER_OK && server->health == NULL) {
        code = open_health(server);
    }
    if (code != FORKER_OK) {
        return code;
    }
    struct fk_health *health = server->health;
    int place = find(health, service, strlen(service));
    if (place < 0 && health->count == SERVICES_MOST) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "grpc_health %s: more than %d services", service, SERVICES_MOST);
    }
    if (place < 0) {
        place = (int)health->count++;
        memcpy(health->names[place], service, strlen(service) + 1);
    }
    __atomic_store_n(&health->statuses[place], (uint32_t)status, __ATOMIC_RELAXED);
    return FORKER_OK;
}

int forker_grpc_health(forker_server *server, const char *service, int status)
{
    if (server == NULL || service == NULL || status < FORKER_HEALTH_UNKNOWN || status > FORKER_HEALTH_NOT_SERVING) {
        return FORKER_E_INVALID;
    }
    int place = server->health != NULL ? find(server->health, service, strlen(service)) : -1;
    if (place < 0) {
        return enter(server, service, status);
    }
    __atomic_store_n(&server->health->statuses[place], (uint32_t)status, __ATOMIC_RELAXED);
    return FORKER_OK;
}

void fk_health_free(forker_server *server)
{
    if (server->health != NULL) {
        (void)munmap(server->health->statuses, SERVICES_MOST * sizeof(uint32_t));
        free(server->health);
        server->health = NULL;
    }
}
