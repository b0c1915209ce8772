/*
 * Interim responses and connections taken over, by handlers on the main thread, on the pool, and by other threads:
 * interims <address>
 */
#define _GNU_SOURCE

#include "program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_int others; /* requests to /other so far */
static char small[1000];

static void tell_code(const char *what, int code)
{
    char line[64];
    snprintf(line, sizeof line, "%s %d\n", what, code);
    tell(line);
}

static int hint(forker_request *req, int number)
{
    char value[32];
    snprintf(value, sizeof value, "%d", number);
    return forker_respond_interim(req, 103, "X-Hint", value);
}

/* What `count` interim responses gave, before the response. */
static int hints(forker_request *req, void *user)
{
    char text[32];
    int code = FORKER_OK;
    const char *count = forker_request_param(req, "count", NULL);
    (void)user;
    for (int i = 0; i < atoi(count) && code == FORKER_OK; i++) {
        code = hint(req, i);
    }
    snprintf(text, sizeof text, "%d", code);
    return response_text(req, text);
}

static int plenty(forker_request *req, void *user)
{
    static char value[60000];
    char text[32];
    int count = 0, code = FORKER_OK;
    (void)user;
    memset(value, 'v', sizeof value - 1);
    while (code == FORKER_OK && count < 10000) {
        code = forker_respond_interim(req, 103, "X-Hint", value);
        count += code == FORKER_OK;
    }
    snprintf(text, sizeof text, "%d %d", count, code);
    tell("plenty\n");
    return response_text(req, text);
}

static int other(forker_request *req, void *user)
{
    (void)user;
    others++;
    return response_text(req, "other");
}

/* Gives what a handler on the pool is told about its connection when its client has left, and another one has come. */
static int left(forker_request *req, void *user)
{
    int fd = -1;
    (void)user;
    tell("left begins\n");
    while (forker_request_cancelled(req) == 0) {
        usleep(500);
    }
    int seen = others;
    tell("left is cancelled\n");
    while (others == seen) {
        usleep(500);
    }
    tell_code("interim", hint(req, 0));
    tell_code("hijack", forker_request_hijack(req, &fd, NULL, NULL));
    return response_text(req, "left");
}

/* The same after the 504. */
static int late(forker_request *req, void *user)
{
    int fd = -1;
    (void)user;
    while (forker_request_cancelled(req) == 0) {
        usleep(500);
    }
    tell_code("late interim", hint(req, 0));
    tell_code("late hijack", forker_request_hijack(req, &fd, NULL, NULL));
    return response_text(req, "late");
}

static void *respond_later(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    forker_request *req = forker_deferred_request(handle);
    int fd = -1;
    tell_code("deferred interim", hint(req, 0) | hint(req, 1));
    tell_code("deferred hijack", forker_request_hijack(req, &fd, NULL, NULL));
    forker_stream_begin(handle, -1);
    tell_code("streaming interim", hint(req, 2));
    forker_stream_write(handle, "later", 5);
    forker_stream_end(handle);
    return NULL;
}

static void start(void *(*function)(void *), void *user)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, user) != 0) {
        abort();
    }
    pthread_detach(thread);
}

static int deferred(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    start(respond_later, (void *)(uintptr_t)handle);
    return FORKER_DEFERRED;
}

static void *keep_waiting(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    while (forker_deferred_cancelled(handle) == 0) {
        usleep(500);
    }
    tell_code("forsaken interim", hint(forker_deferred_request(handle), 0));
    tell_code("forsaken", forker_deferred_respond(handle, 200, NULL, "x", 1));
    return NULL;
}

static int forsaken(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    tell("forsaken begins\n");
    start(keep_waiting, (void *)(uintptr_t)handle);
    return FORKER_DEFERRED;
}

typedef struct {
    forker_request *req;
    int interim, hijack, cancelled;
} elsewhere_use;

static void *use_elsewhere(void *user)
{
    elsewhere_use *use = user;
    int fd = -1;
    use->interim = hint(use->req, 0);
    use->hijack = forker_request_hijack(use->req, &fd, NULL, NULL);
    use->cancelled = forker_request_cancelled(use->req);
    return NULL;
}

/* Another thread has no business with a request that is not deferred. */
static int elsewhere(forker_request *req, void *user)
{
    elsewhere_use use = {.req = req};
    char text[32];
    pthread_t thread;
    (void)user;
    if (pthread_create(&thread, NULL, use_elsewhere, &use) != 0 || pthread_join(thread, NULL) != 0) {
        return FORKER_E_SYSTEM;
    }
    snprintf(text, sizeof text, "%d %d %d", use.interim, use.hijack, use.cancelled);
    return response_text(req, text);
}

static int fast(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, "text/plain", small, sizeof small);
}

static int next(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static void on_pool(forker_server *server, const char *pattern, forker_handler handler)
{
    forker_route *route;
    forker_server_route(server, "GET", pattern, handler, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    memset(small, 's', sizeof small);
    forker_server_handle(server, "GET", "/inline/:count", hints, NULL);
    on_pool(server, "/pool/:count", hints);
    on_pool(server, "/passed/*rest", next);
    forker_server_handle(server, "GET", "/passed/:count", hints, NULL);
    forker_server_handle(server, "GET", "/plenty", plenty, NULL);
    on_pool(server, "/left", left);
    on_pool(server, "/late", late);
    forker_server_handle(server, "GET", "/other", other, NULL);
    forker_server_handle(server, "GET", "/deferred", deferred, NULL);
    forker_server_handle(server, "GET", "/forsaken", forsaken, NULL);
    forker_server_handle(server, "GET", "/elsewhere", elsewhere, NULL);
    forker_server_handle(server, "GET", "/fast", fast, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
