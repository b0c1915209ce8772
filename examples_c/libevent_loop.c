/*
 * A server on the loop of libevent, next to a timer of the program's own. It is built if pkg-config knows libevent.
 *
 *     $ ./libevent_loop 127.0.0.1:8080
 *     $ curl http://127.0.0.1:8080/ticks
 *
 * SIGTERM, which libevent hears of, stops the server, and its end the loop.
 */
#include <event2/event.h>
#include <forker.h>

#include <signal.h>
#include <stdio.h>

static size_t ticks;

static int tell_ticks(forker_request *req, void *user) {
    char text[64];
    (void)user;
    int len = snprintf(text, sizeof text, "%zu ticks\n", ticks);
    return forker_respond(req, 200, "text/plain", text, (size_t)len);
}

static void tick(evutil_socket_t fd, short events, void *user) {
    (void)fd;
    (void)events;
    (void)user;
    ticks++;
}

static void stop(evutil_socket_t number, short events, void *user) {
    (void)number;
    (void)events;
    forker_server_stop(user, 1000);
}

/* The server and the loop that it is in. */
struct service {
    forker_server *server;
    struct event_base *base;
    int result;
};

static void serve(evutil_socket_t fd, short events, void *user) {
    struct service *service = user;
    (void)fd;
    (void)events;
    service->result = forker_server_poll(service->server, 0);
    if (service->result <= 0) {
        event_base_loopbreak(service->base);
    }
}

int main(int argc, char **argv) {
    struct service service = {forker_server_new(), event_base_new(), 1};
    forker_server_set(service.server, "workers", "0");
    forker_server_handle(service.server, "GET", "/ticks", tell_ticks, NULL);
    forker_server_listen(service.server, argc > 1 ? argv[1] : "127.0.0.1:8080");
    if (service.base == NULL || forker_server_open(service.server) != FORKER_OK) {
        return 1;
    }
    printf("serving on http://%s/ticks\n", forker_server_address(service.server, 0));
    fflush(stdout);
    struct event *served =
        event_new(service.base, forker_server_poll_fd(service.server), EV_READ | EV_PERSIST, serve, &service);
    struct event *timer = event_new(service.base, -1, EV_PERSIST, tick, NULL);
    struct event *ended = evsignal_new(service.base, SIGTERM, stop, service.server);
    event_add(served, NULL);
    event_add(timer, &(struct timeval){0, 100000});
    event_add(ended, NULL);
    event_base_dispatch(service.base);
    event_free(served);
    event_free(timer);
    event_free(ended);
    event_base_free(service.base);
    forker_server_free(service.server);
    return service.result == FORKER_OK ? 0 : 1;
}
