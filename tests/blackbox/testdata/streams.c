/* Streams whose clients end in their middle: streams <address>. Each says "closed <reason>" when it is told. */
#define _GNU_SOURCE

#include "program.h"

#include <pthread.h>
#include <stdlib.h>

static void on_close(forker_deferred handle, int reason, void *user)
{
    char line[32];
    (void)handle;
    (void)user;
    snprintf(line, sizeof line, "closed %d\n", reason);
    tell(line);
    forker_deferred_drop(handle);
}

static forker_deferred defer(forker_request *req)
{
    forker_deferred handle = 0;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_deferred_on_close(handle, on_close, NULL) != 0) {
        abort();
    }
    return handle;
}

/* Says something once, and then nothing more. */
static int events(forker_request *req, void *user)
{
    forker_deferred handle = defer(req);
    (void)user;
    forker_sse_begin(handle);
    forker_sse_send(handle, NULL, NULL, "welcome");
    return FORKER_DEFERRED;
}

/* Not even a first piece. */
static int silent(forker_request *req, void *user)
{
    (void)user;
    forker_stream_begin(defer(req), -1);
    return FORKER_DEFERRED;
}

static void flood(forker_deferred handle, void *user)
{
    static const char piece[16 * 1024];
    (void)user;
    int code;
    while ((code = forker_stream_write(handle, piece, sizeof piece)) == FORKER_OK) {
    }
    if (code == FORKER_E_AGAIN) {
        tell("full\n");
    }
}

/* Says more than the client takes. */
static int torrent(forker_request *req, void *user)
{
    forker_deferred handle = defer(req);
    (void)user;
    forker_stream_on_drain(handle, flood, NULL);
    forker_stream_begin(handle, -1);
    flood(handle, NULL);
    return FORKER_DEFERRED;
}

static int finite(forker_request *req, void *user)
{
    forker_deferred handle = defer(req);
    (void)user;
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "finite", 6);
    forker_stream_end(handle);
    return FORKER_DEFERRED;
}

enum { WAITED_PIECES = 1024, WAITED_PIECE = 64 * 1024 };

/* More than all buffers of the kernel take, without a function that is told of the room. The first wait is one that ends early. */
static void *pour(void *user)
{
    static const char piece[WAITED_PIECE];
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    int code = FORKER_OK;
    int i = 0;
    while (i < WAITED_PIECES && code == FORKER_OK) {
        code = forker_stream_write_wait(handle, piece, sizeof piece, 50);
        if (code == FORKER_E_AGAIN) {
            tell("waits\n");
            code = forker_stream_write_wait(handle, piece, sizeof piece, -1);
        }
        i += code == FORKER_OK;
    }
    tell(code == FORKER_OK ? "poured\n" : code == FORKER_E_ABORTED ? "nobody takes it\n" : "fails\n");
    forker_stream_end(handle);
    return NULL;
}

static int waiting(forker_request *req, void *user)
{
    forker_deferred handle = 0;
    pthread_t thread;
    (void)user;
    forker_request_defer(req, &handle);
    forker_stream_begin(handle, -1);
    if (forker_stream_write_wait(handle, "x", 1, -1) != FORKER_E_STATE) {
        tell("waits on the thread that serves\n");
    }
    pthread_create(&thread, NULL, pour, (void *)(uintptr_t)handle);
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void wait_for_end(forker_deferred handle)
{
    while (forker_deferred_cancelled(handle) == 0) {
        usleep(500);
    }
}

static void *finish_bounded(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    wait_for_end(handle);
    forker_stream_write(handle, " whole", 6);
    forker_stream_end(handle);
    return NULL;
}

static void *respond(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    wait_for_end(handle);
    forker_deferred_respond(handle, 200, "text/plain", "the whole", 9);
    return NULL;
}

static void *begin(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    wait_for_end(handle);
    forker_sse_begin(handle);
    return NULL;
}

static int start(forker_deferred handle, void *(*function)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, (void *)(uintptr_t)handle) != 0) {
        abort();
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

/* The rest comes when the client has sent its end. */
static int bounded(forker_request *req, void *user)
{
    forker_deferred handle = defer(req);
    (void)user;
    forker_stream_begin(handle, 9);
    forker_stream_write(handle, "the", 3);
    return start(handle, finish_bounded);
}

static int later(forker_request *req, void *user)
{
    (void)user;
    return start(defer(req), respond);
}

static int begins_late(forker_request *req, void *user)
{
    (void)user;
    tell("begins late\n");
    return start(defer(req), begin);
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello");
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    forker_server_handle(server, "GET", "/", hello, NULL);
    forker_server_handle(server, "GET", "/events", events, NULL);
    forker_server_handle(server, "GET", "/silent", silent, NULL);
    forker_server_handle(server, "GET", "/torrent", torrent, NULL);
    forker_server_handle(server, "GET", "/waiting", waiting, NULL);
    forker_server_handle(server, "GET", "/finite", finite, NULL);
    forker_server_handle(server, "GET", "/bounded", bounded, NULL);
    forker_server_handle(server, "GET", "/later", later, NULL);
    forker_server_handle(server, "GET", "/begins-late", begins_late, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
