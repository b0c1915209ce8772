/*
 * What the services of a program are, as the health service of gRPC tells it. Their names are fixed when the server runs; what they are is
 * in a page that all processes share. A process writes there what it likes: whatever is not a status is taken for none.
 *
 * Who changes a status writes to an eventfd, which each worker watches for edges: so one write wakes all of them, and nobody has to
 * know who they are.
 */
#include "exchange/health.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include "base/descriptor.h"
#include "base/process.h"
#include "setup/setup.h"

enum { PAGE_SIZE = FK_HEALTH_SERVICES * sizeof(uint32_t) };

int fk_health_find(const struct fk_health *health, const char *name, size_t len)
{
    for (uint32_t i = 0; i < health->count; i++) {
        if (strlen(health->names[i]) == len && memcmp(health->names[i], name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint8_t fk_health_status(const forker_server *server, int place)
{
    uint32_t status = __atomic_load_n(&server->grpc.health->statuses[place], __ATOMIC_ACQUIRE);
    if (fk_process_draining(server)) {
        return FORKER_HEALTH_NOT_SERVING;
    }
    return status <= FORKER_HEALTH_NOT_SERVING ? (uint8_t)status : FORKER_HEALTH_UNKNOWN;
}

/* Says what a service is, and wakes who watches if that is something else than before. */
static void set_status(struct fk_health *health, int place, int status)
{
    uint64_t one = 1;
    uint32_t before = __atomic_exchange_n(&health->statuses[place], (uint32_t)status, __ATOMIC_ACQ_REL);
    if (before != (uint32_t)status && health->changes_fd >= 0) {
        ssize_t written = write(health->changes_fd, &one, sizeof one);
        (void)written;
    }
}

/* Makes the service, with the program as a whole as the first of what it tells of, or nothing. */
static int open_health(forker_server *server)
{
    struct fk_health *health = calloc(1, sizeof *health);
    void *page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (health == NULL || page == MAP_FAILED || fd < 0) {
        int code = fk_setup_fail(server, fd < 0 ? FORKER_E_SYSTEM : FORKER_E_MEMORY, "grpc_health: %s",
                                 fd < 0 ? strerror(errno) : "out of memory");
        free(health);
        fk_descriptor_close(&fd);
        if (page != MAP_FAILED) {
            (void)munmap(page, PAGE_SIZE);
        }
        return code;
    }
    *health = (struct fk_health){.count = 1, .statuses = page, .changes_fd = fd};
    health->statuses[0] = FORKER_HEALTH_SERVING;
    server->grpc.health = health;
    int code = fk_health_enter_methods(server);
    if (code != FORKER_OK) {
        fk_health_free(server);
    }
    return code;
}

/* Enters a service, before the server runs. */
static int enter(forker_server *server, const char *service, int status)
{
    int code = fk_setup_refuses(server);
    if (code == FORKER_OK && strlen(service) > FK_HEALTH_NAME) {
        code = fk_setup_fail(server, FORKER_E_LIMIT, "grpc_health: a name has at most %d bytes", FK_HEALTH_NAME);
    }
    if (code == FORKER_OK && server->grpc.health == NULL) {
        code = open_health(server);
    }
    if (code != FORKER_OK) {
        return code;
    }
    struct fk_health *health = server->grpc.health;
    int place = fk_health_find(health, service, strlen(service));
    if (place < 0 && health->count == FK_HEALTH_SERVICES) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "grpc_health %s: more than %d services", service,
                             FK_HEALTH_SERVICES);
    }
    if (place < 0) {
        place = (int)health->count++;
        memcpy(health->names[place], service, strlen(service) + 1);
    }
    set_status(health, place, status);
    return FORKER_OK;
}

int forker_grpc_health(forker_server *server, const char *service, int status)
{
    if (server == NULL || service == NULL || status < FORKER_HEALTH_UNKNOWN || status > FORKER_HEALTH_NOT_SERVING) {
        return FORKER_E_INVALID;
    }
    int place = server->grpc.health != NULL ? fk_health_find(server->grpc.health, service, strlen(service)) : -1;
    if (place < 0) {
        return enter(server, service, status);
    }
    set_status(server->grpc.health, place, status);
    return FORKER_OK;
}

int fk_health_changes(const forker_server *server)
{
    return server->grpc.health != NULL ? server->grpc.health->changes_fd : -1;
}

void fk_health_forget(forker_server *server)
{
    if (server->grpc.health != NULL) {
        fk_descriptor_close(&server->grpc.health->changes_fd);
    }
}

void fk_health_free(forker_server *server)
{
    if (server->grpc.health != NULL) {
        fk_health_forget(server);
        (void)munmap(server->grpc.health->statuses, PAGE_SIZE);
        free(server->grpc.health);
        server->grpc.health = NULL;
    }
}
