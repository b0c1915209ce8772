/*
 * Calls the response functions in any order and with any arguments, as the query, a seed, has it: anyorder <address>.
 * Some requests are answered by a thread, later. Whatever happens, the client must get one well-formed answer.
 */
#define _GNU_SOURCE

#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static char bytes[256 * 1024];

/* Gives 0 to below - 1 (a linear congruential generator). */
static int pick(uint32_t *seed, int below)
{
    *seed = *seed * 1103515245U + 12345U;
    return (int)(*seed >> 16) % below;
}

static size_t pick_length(uint32_t *seed)
{
    return (size_t)(pick(seed, 6) == 0 ? pick(seed, 32768) * 8 : pick(seed, 200));
}

static void release(void *user)
{
    (void)user;
}

static void send_file(forker_request *req, uint32_t *seed)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    forker_response_file(req, fd, pick(seed, 2000), pick(seed, 3000));
    close(fd);
}

static void set_field(forker_request *req, uint32_t *seed)
{
    static const char *const names[] = {"X-A",    "Content-Type", "content-length", "Connection", "Date",
                                        "Server", "bad name",     "Set-Cookie",     "Upgrade",    ""};
    static const char *const values[] = {"a", "close", "bad\r\nX: y", "", "\x80\xff"};
    const char *name = names[pick(seed, 10)], *value = values[pick(seed, 5)];
    if (pick(seed, 2) == 0) {
        forker_response_header_add(req, name, value);
    } else {
        forker_response_header_set(req, name, value);
    }
}

/* The calls that respond at once are rarer: few can follow them. */
static void call(forker_request *req, uint32_t *seed)
{
    switch (pick(seed, 14)) {
    case 0:
        forker_response_status(req, pick(seed, 700));
        break;
    case 1:
    case 2:
        set_field(req, seed);
        break;
    case 3:
        forker_response_lend(req, bytes, pick_length(seed), pick(seed, 2) == 0 ? release : NULL, NULL);
        break;
    case 4:
        send_file(req, seed);
        break;
    case 5:
        forker_respond(req, 190 + pick(seed, 420), "text/plain", bytes, pick_length(seed));
        break;
    case 6:
        forker_respond_error(req, 390 + pick(seed, 220), pick(seed, 2) == 0 ? "detail" : NULL);
        break;
    case 7:
        forker_respond_file(req, pick(seed, 3) == 0 ? 9 : 200, "text/x",
                            pick(seed, 3) == 0 ? "/none" : "/proc/self/exe");
        break;
    case 8:
        forker_respond_interim(req, 90 + pick(seed, 20), "Link", "x");
        break;
    default:
        forker_response_write(req, bytes, pick_length(seed));
        break;
    }
}

static void stream(forker_deferred handle, uint32_t *seed)
{
    int64_t length = pick(seed, 2) == 0 ? -1 : 3000;
    if (forker_stream_begin(handle, length) == FORKER_OK) {
        for (int i = 0; i < 3; i++) {
            forker_stream_write(handle, bytes, 1000);
        }
        forker_stream_trailer(handle, "X-Trailer", "t");
    }
}

/* Ends the handle in one of the ways there are, and then tries the others, which must not matter any more. */
static void finish(forker_deferred handle, uint32_t *seed)
{
    for (int i = pick(seed, 4); i > 0; i--) {
        call(forker_deferred_request(handle), seed);
    }
    switch (pick(seed, 4)) {
    case 0:
        forker_deferred_send(handle);
        break;
    case 1:
        stream(handle, seed);
        break;
    case 2:
        if (forker_sse_begin(handle) == FORKER_OK) {
            forker_sse_send(handle, "event", NULL, "two\nlines");
        }
        break;
    default:
        break;
    }
    forker_stream_end(handle);
    forker_deferred_respond(handle, 200, "text/plain", "late", 4);
    forker_deferred_drop(handle);
    forker_deferred_send(handle);
}

typedef struct {
    forker_deferred handle;
    uint32_t seed;
} job;

static void *finish_later(void *user)
{
    job *j = user;
    finish(j->handle, &j->seed);
    free(j);
    return NULL;
}

static void start_finishing(forker_deferred handle, uint32_t seed)
{
    pthread_t thread;
    job *j = malloc(sizeof *j);
    if (j == NULL) {
        abort();
    }
    *j = (job){handle, seed};
    if (pthread_create(&thread, NULL, finish_later, j) != 0 || pthread_detach(thread) != 0) {
        abort();
    }
}

static int handler(forker_request *req, void *user)
{
    forker_deferred handle;
    uint32_t seed = (uint32_t)strtoul(forker_request_query(req, NULL), NULL, 10);
    (void)user;
    for (int i = pick(&seed, 6); i > 0; i--) {
        call(req, &seed);
    }
    if (pick(&seed, 3) > 0 || forker_request_defer(req, &handle) != FORKER_OK) {
        return pick(&seed, 3) > 0 ? FORKER_OK : pick(&seed, 21) - 17;
    }
    if (pick(&seed, 2) == 0) {
        finish(handle, &seed);
    } else {
        start_finishing(handle, seed);
    }
    return pick(&seed, 8) > 0 ? FORKER_DEFERRED : pick(&seed, 20) - 17;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    memset(bytes, 'b', sizeof bytes);
    forker_server_handle(server, "*", "/inline", handler, NULL);
    forker_route *route;
    forker_server_route(server, "*", "/pool", handler, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_handle(server, "*", "/*rest", handler, NULL); /* where FORKER_NEXT leads */
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
