/* Responses that come later, from other threads, and in pieces: later <address> */
#define _GNU_SOURCE

#include "program.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { PIECE = 64 * 1024 };

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static void tell_result(const char *what, int code)
{
    char line[128];
    snprintf(line, sizeof line, "%s %d\n", what, code);
    tell(line);
}

static void closed(forker_deferred handle, int reason, void *user)
{
    (void)handle;
    (void)user;
    tell_result("closed", reason);
}

/* Hands a request to a thread of its own; `work` gets the handle. */
static int defer(forker_request *req, void *(*work)(void *))
{
    forker_deferred *handle = malloc(sizeof *handle);
    pthread_t thread;
    int code = forker_request_defer(req, handle);
    if (code != FORKER_OK) {
        free(handle);
        return code;
    }
    forker_deferred_on_close(*handle, closed, NULL);
    if (pthread_create(&thread, NULL, work, handle) != 0) {
        return forker_deferred_drop(*handle);
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static forker_deferred take(void *argument)
{
    forker_deferred handle = *(forker_deferred *)argument;
    free(argument);
    return handle;
}

static void *respond_work(void *argument)
{
    forker_deferred handle = take(argument);
    char text[128];
    forker_request *req = forker_deferred_request(handle);
    size_t len;
    const char *body = forker_request_body(req, &len);
    snprintf(text, sizeof text, "later %s %.*s", forker_request_query(req, NULL), (int)len, body);
    int code = forker_deferred_respond(handle, 200, "text/plain", text, strlen(text));
    if (code == FORKER_OK && forker_deferred_respond(handle, 200, NULL, "x", 1) != FORKER_E_ABORTED) {
        tell("a used handle works\n");
    }
    return NULL;
}

static int respond(forker_request *req, void *user)
{
    (void)user;
    return defer(req, respond_work);
}

static void *send_work(void *argument)
{
    forker_deferred handle = take(argument);
    forker_request *req = forker_deferred_request(handle);
    int code = forker_deferred_send(handle);
    tell_result("send without a response", code);
    if (code == FORKER_E_ABORTED) { /* the client has left, and so the handle is over, and the request another's */
        return NULL;
    }
    forker_response_status(req, 201);
    forker_response_header_set(req, "X-Later", "yes");
    forker_response_write(req, "in ", 3);
    forker_response_write(req, "pieces", 6);
    forker_deferred_send(handle);
    return NULL;
}

static int send_built(forker_request *req, void *user)
{
    (void)user;
    return defer(req, send_work);
}

static void *drop_work(void *argument)
{
    forker_deferred_drop(take(argument));
    return NULL;
}

static int drop(forker_request *req, void *user)
{
    (void)user;
    return defer(req, drop_work);
}

/* Waits until the client has left, then answers all the same. */
static void *wait_work(void *argument)
{
    forker_deferred handle = take(argument);
    tell("waiting\n");
    while (forker_deferred_cancelled(handle) == 0) {
        sleep_ms(1);
    }
    const char *target = forker_request_target(forker_deferred_request(handle), NULL);
    if (target == NULL) { /* the server has ended, and is freed already */
        return NULL;
    }
    tell_result("cancelled target", strcmp(target, "/wait"));
    tell_result("respond", forker_deferred_respond(handle, 200, "text/plain", "gone", 4));
    tell_result("again", forker_deferred_respond(handle, 200, "text/plain", "gone", 4));
    return NULL;
}

static int wait_for_end(forker_request *req, void *user)
{
    (void)user;
    return defer(req, wait_work);
}

static int respond_at_once(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    int code = forker_request_defer(req, &handle);
    if (code == FORKER_OK) {
        code = forker_deferred_respond(handle, 200, "text/plain", "at once", 7);
    }
    return code == FORKER_OK ? FORKER_DEFERRED : code;
}

/* Defers, but says something else: the response counts. */
static int liar(forker_request *req, void *user)
{
    (void)respond_at_once(req, user);
    return FORKER_E_INVALID;
}

static int only_says_so(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_DEFERRED;
}

/* ---------------------------------------------------------------------------------------------------------- streams */

static void *count_work(void *argument)
{
    forker_deferred handle = take(argument);
    char line[32];
    forker_stream_begin(handle, -1);
    for (int i = 0; i < 5; i++) {
        snprintf(line, sizeof line, "line %d\n", i);
        forker_stream_write(handle, line, strlen(line));
        sleep_ms(2);
    }
    forker_stream_trailer(handle, "X-Sum", "5");
    tell_result("trailer Content-Length", forker_stream_trailer(handle, "Content-Length", "1"));
    forker_stream_end(handle);
    return NULL;
}

static int count(forker_request *req, void *user)
{
    (void)user;
    return defer(req, count_work);
}

static void drained(forker_deferred handle, void *user)
{
    (void)handle;
    tell("drained\n");
    sem_post(user);
}

/*
 * Writes ?<bytes>, as fast as the client takes them: where there is no room, it waits until it is told that there is.
 */
static void *flood_work(void *argument)
{
    static char piece[PIECE];
    forker_deferred handle = take(argument);
    sem_t room;
    long left = strtol(forker_request_query(forker_deferred_request(handle), NULL), NULL, 10);
    int code = FORKER_OK;
    bool told = false;
    sem_init(&room, 0, 0);
    forker_stream_on_drain(handle, drained, &room);
    forker_stream_begin(handle, left);
    while (left > 0 && code != FORKER_E_ABORTED) {
        size_t len = left < PIECE ? (size_t)left : PIECE;
        code = forker_stream_write(handle, piece, len);
        if (code == FORKER_OK) {
            left -= (long)len;
        } else if (code == FORKER_E_AGAIN) {
            if (!told) {
                tell("full\n");
                told = true;
            }
            sem_wait(&room);
        }
    }
    tell_result("flood", code);
    tell_result("end", forker_stream_end(handle));
    return NULL;
}

static int flood(forker_request *req, void *user)
{
    (void)user;
    return defer(req, flood_work);
}

static void *events_work(void *argument)
{
    forker_deferred handle = take(argument);
    forker_sse_begin(handle);
    forker_sse_send(handle, "greeting", "1", "two\nlines");
    tell_result("bad event", forker_sse_send(handle, "a\nb", NULL, "x"));
    forker_sse_send(handle, NULL, NULL, "");
    forker_stream_end(handle);
    return NULL;
}

static int events(forker_request *req, void *user)
{
    (void)user;
    return defer(req, events_work);
}

static void *short_work(void *argument)
{
    forker_deferred handle = take(argument);
    forker_stream_begin(handle, 10);
    tell_result("too long", forker_stream_write(handle, "12345678901", 11));
    forker_stream_write(handle, "12345", 5);
    forker_stream_end(handle);
    return NULL;
}

static int too_short(forker_request *req, void *user)
{
    (void)user;
    return defer(req, short_work);
}

static sem_t let_go;

static int let_it_go(forker_request *req, void *user)
{
    (void)user;
    sem_post(&let_go);
    return response_text(req, "let go");
}

static void *break_work(void *argument)
{
    forker_deferred handle = take(argument);
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "some", 4);
    sem_wait(&let_go);
    forker_deferred_drop(handle);
    return NULL;
}

static int break_off(forker_request *req, void *user)
{
    (void)user;
    return defer(req, break_work);
}

/* Writes a whole stream on the loop's thread: it goes out in one chunk. */
static int stream_at_once(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    int code = forker_request_defer(req, &handle);
    if (code != FORKER_OK) {
        return code;
    }
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "one ", 4);
    forker_stream_write(handle, "two", 3);
    forker_stream_trailer(handle, "X-Sum", "3");
    forker_stream_end(handle);
    return FORKER_DEFERRED;
}

static void drop_when_drained(forker_deferred handle, void *user)
{
    (void)user;
    forker_deferred_drop(handle);
}

/* Drops a stream on the loop's thread, while the loop takes from it what is written. */
static int break_in_drain(forker_request *req, void *user)
{
    static char full[64 * 1024]; /* stream_buffer */
    forker_deferred handle;
    (void)user;
    int code = forker_request_defer(req, &handle);
    if (code != FORKER_OK) {
        return code;
    }
    forker_stream_on_drain(handle, drop_when_drained, NULL);
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "some", 4);
    tell_result("full", forker_stream_write(handle, full, sizeof full));
    return FORKER_DEFERRED;
}

/* ------------------------------------------------------------------------------------------------------------- pool */

static int pooled(forker_request *req, void *user)
{
    (void)user;
    const char *ms = forker_request_query(req, NULL);
    tell("pooled\n");
    sleep_ms(strtol(ms, NULL, 10));
    return response_text(req, "pooled");
}

static volatile int held = 1;

static int pooled_hold(forker_request *req, void *user)
{
    (void)user;
    while (held) {
        sleep_ms(1);
    }
    return response_text(req, "held");
}

static int release_held(forker_request *req, void *user)
{
    (void)user;
    held = 0;
    return response_text(req, "released");
}

static int pooled_next(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int pooled_wait(forker_request *req, void *user)
{
    (void)user;
    tell("pooled waits\n");
    while (forker_request_cancelled(req) == 0) {
        sleep_ms(1);
    }
    tell("pooled was cancelled\n");
    return response_text(req, "gone");
}

static int pooled_crash(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    abort();
}

static int inline_response(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "inline");
}

static int thread_begins(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    tell("thread begins\n");
    return FORKER_OK;
}

static int thread_ends(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    tell("thread ends\n");
    return FORKER_OK;
}

static void handle_pooled(forker_server *server, const char *pattern, forker_handler handler)
{
    forker_route *route;
    forker_server_route(server, "GET", pattern, handler, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    sem_init(&let_go, 0, 0);
    forker_server_handle(server, "GET,POST", "/respond", respond, NULL);
    forker_server_handle(server, "GET", "/send", send_built, NULL);
    forker_server_handle(server, "GET", "/drop", drop, NULL);
    forker_server_handle(server, "GET", "/wait", wait_for_end, NULL);
    forker_server_handle(server, "GET", "/at-once", respond_at_once, NULL);
    forker_server_handle(server, "GET", "/liar", liar, NULL);
    forker_server_handle(server, "GET", "/only-says-so", only_says_so, NULL);
    forker_server_handle(server, "GET", "/count", count, NULL);
    forker_server_handle(server, "GET", "/flood", flood, NULL);
    forker_server_handle(server, "GET", "/events", events, NULL);
    forker_server_handle(server, "GET", "/short", too_short, NULL);
    forker_server_handle(server, "GET", "/break", break_off, NULL);
    forker_server_handle(server, "GET", "/break-in-drain", break_in_drain, NULL);
    forker_server_handle(server, "GET", "/stream-at-once", stream_at_once, NULL);
    forker_server_handle(server, "GET", "/let-go", let_it_go, NULL);
    forker_server_handle(server, "GET", "/inline", inline_response, NULL);
    handle_pooled(server, "/pooled", pooled);
    handle_pooled(server, "/pooled-hold", pooled_hold);
    forker_server_handle(server, "GET", "/release", release_held, NULL);
    handle_pooled(server, "/pooled-respond", respond);
    handle_pooled(server, "/pooled-at-once", respond_at_once);
    handle_pooled(server, "/pooled-wait", pooled_wait);
    handle_pooled(server, "/pooled-crash", pooled_crash);
    handle_pooled(server, "/next", pooled_next);
    forker_server_handle(server, "GET", "/*rest", inline_response, NULL);
    forker_server_on_thread_start(server, thread_begins, NULL);
    forker_server_on_thread_exit(server, thread_ends, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
