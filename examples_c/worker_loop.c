/*
 * Two workers, each on a poll(2) loop of its own, in which it also waits for something of the program's: here a timer that
 * ticks, in a real program a connection to a database or a message queue.
 *
 *     $ ./worker_loop 127.0.0.1:8080
 *     $ curl http://127.0.0.1:8080/ticks
 *
 * Signals, reloads and deaths of workers are as without it: a worker that is to leave finishes its requests, and then
 * forker_server_poll() says that it has drained.
 */
#define _POSIX_C_SOURCE 200809L

#include <forker.h>

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* It needs no lock: the handler is called from within forker_server_poll(). */
static uint64_t ticks;

static int tell_ticks(forker_request *req, void *user) {
    char text[64];
    (void)user;
    int len = snprintf(text, sizeof text, "worker %d: %llu ticks\n", (int)forker_request_worker(req),
                       (unsigned long long)ticks);
    return forker_respond(req, 200, "text/plain", text, (size_t)len);
}

static void read_timer(int timer) {
    uint64_t count;
    if (read(timer, &count, sizeof count) == (ssize_t)sizeof count) {
        ticks += count;
    }
}

/* The worker's life. It opens here what is its own, after the fork. */
static int live(forker_server *server, int32_t worker, void *user) {
    struct itimerspec tenth = {{0, 100000000}, {0, 100000000}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct pollfd polled[] = {{.fd = forker_server_poll_fd(server), .events = POLLIN}, {.fd = timer, .events = POLLIN}};
    int serving = 1;
    (void)worker;
    (void)user;
    if (timer < 0 || timerfd_settime(timer, 0, &tenth, NULL) != 0) {
        return -1; /* the worker drains, and another is started */
    }
    while (serving == 1 && (poll(polled, 2, -1) >= 0 || errno == EINTR)) {
        if (polled[1].revents != 0) {
            read_timer(timer);
        }
        if (polled[0].revents != 0) {
            serving = forker_server_poll(server, 0);
        }
    }
    close(timer);
    return 0;
}

int main(int argc, char **argv) {
    forker_server *server = forker_server_new();
    forker_server_set(server, "workers", "2");
    forker_server_on_worker_loop(server, live, NULL);
    forker_server_handle(server, "GET", "/ticks", tell_ticks, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080");
    int code = forker_server_run(server); /* says in the log why it does not run */
    forker_server_free(server);
    return code == FORKER_OK ? 0 : 1;
}
