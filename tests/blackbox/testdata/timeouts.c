/* Routes whose handlers have times of their own: timeouts <address> */
#include "program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

enum { PATIENCE_MS = 20000 }; /* what nobody ends is answered then, so that a test that fails does not hang */

static atomic_int released;

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static int release(forker_request *req, void *user)
{
    (void)user;
    atomic_store(&released, 1);
    return forker_respond(req, 200, "text/plain", "released", 8);
}

static int answer(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, "text/plain", "answered", 8);
}

/* Waits until it is told to answer, or the client has been. */
static int wait_pooled(forker_request *req, void *user)
{
    (void)user;
    tell("waiting\n");
    for (int ms = 0; ms < PATIENCE_MS && forker_request_cancelled(req) == 0 && atomic_load(&released) == 0; ms++) {
        sleep_ms(1);
    }
    return answer(req, NULL);
}

typedef struct {
    forker_deferred handle;
    bool next, reply;
} later;

static void *work(void *argument)
{
    later *l = argument;
    tell("waiting\n");
    for (int ms = 0; ms < PATIENCE_MS && forker_deferred_cancelled(l->handle) == 0 && atomic_load(&released) == 0;
         ms++) {
        sleep_ms(1);
    }
    if (l->next) {
        (void)forker_deferred_next(l->handle);
    } else if (l->reply) {
        (void)forker_grpc_reply(forker_deferred_request(l->handle), "x", 1);
        (void)forker_deferred_send(l->handle);
    } else {
        (void)forker_deferred_respond(l->handle, 200, "text/plain", "answered", 8);
    }
    free(l);
    return NULL;
}

static int defer(forker_request *req, bool next, bool reply)
{
    pthread_t thread;
    later *l = malloc(sizeof *l);
    if (l == NULL) {
        return FORKER_E_MEMORY;
    }
    *l = (later){0, next, reply};
    int code = forker_request_defer(req, &l->handle);
    if (code != FORKER_OK || pthread_create(&thread, NULL, work, l) != 0) {
        free(l);
        return code != FORKER_OK ? code : FORKER_E_SYSTEM;
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static int wait_deferred(forker_request *req, void *user)
{
    (void)user;
    return defer(req, false, false);
}

static int wait_call(forker_request *req, void *user)
{
    (void)user;
    return defer(req, false, true);
}

static int wait_before(forker_request *req, void *user)
{
    (void)user;
    return defer(req, true, false);
}

static int pass_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static void add(forker_group *group, const char *pattern, forker_handler handler, const char *dispatch,
                const char *timeout)
{
    forker_route *route;
    forker_group_route(group, "GET", pattern, handler, NULL, &route);
    forker_route_set(route, "dispatch", dispatch);
    if (timeout != NULL) {
        forker_route_set(route, "handler_timeout", timeout);
    }
}

static void add_method(forker_server *server, const char *name, const char *timeout)
{
    forker_route *route;
    forker_server_grpc_route(server, name, FORKER_GRPC_UNARY, wait_call, NULL, &route);
    if (timeout != NULL) {
        forker_route_set(route, "handler_timeout", timeout);
    }
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_group *all = forker_server_group(server, ""), *quick = forker_server_group(server, "/quick");
    forker_group *before = forker_group_group(quick, "/before");
    if (argc != 2) {
        return 2;
    }
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_handle(server, "GET", "/release", release, NULL);
    add(all, "/deferred", wait_deferred, "inline", NULL);
    add(all, "/pooled", wait_pooled, "pool", NULL);
    add(quick, "/deferred", wait_deferred, "inline", NULL);
    add(quick, "/pooled", wait_pooled, "pool", NULL);
    add(quick, "/patient/deferred", wait_deferred, "inline", "0");
    add(quick, "/patient/pooled", wait_pooled, "pool", "0");
    forker_group_set(quick, "handler_timeout", "50ms");
    forker_group_use(before, wait_before, NULL, NULL);
    add(before, "", answer, "inline", NULL);
    /* A handler that leaves the request to one with another time. */
    add(all, "/next/quick", pass_on, "pool", "0");
    add(all, "/next/:quick", wait_pooled, "pool", "50ms");
    add(all, "/next/patient/pooled", pass_on, "pool", "50ms");
    add(all, "/next/patient/:pooled", wait_pooled, "pool", "0");
    add(all, "/next/later/deferred", pass_on, "pool", "50ms");
    add(all, "/next/later/:deferred", wait_deferred, "inline", "0");
    add_method(server, "/test.Times/Quick", "50ms");
    add_method(server, "/test.Times/Patient", "0");
    add_method(server, "/test.Times/Server", NULL);
    return serve_to_end(server);
}
