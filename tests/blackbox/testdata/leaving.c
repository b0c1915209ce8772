/*
 * Serves in its own process what is too large for a client that leaves: leaving run|start|open <address> <file>. /file,
 * /lent, /pool and /stream; a line "left" tells that one of them is over.
 */
#define _GNU_SOURCE

#include "program.h"
#include "ways.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

enum { PIECE = 64 * 1024 };

static forker_server *server;
static const char *path;
static char large[8 << 20];

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

static void released(void *user)
{
    (void)user;
    tell("left\n");
}

/* The lent byte, which comes first, tells when the file is over. */
static int file(forker_request *req, void *user)
{
    (void)user;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    forker_response_lend(req, "x", 1, released, NULL);
    int code = forker_response_file(req, fd, 0, -1);
    close(fd);
    return code;
}

static int lent(forker_request *req, void *user)
{
    (void)user;
    return forker_response_lend(req, large, sizeof large, released, NULL);
}

/* Writes until the client has left. */
static void *write_all(void *argument)
{
    forker_deferred handle = *(forker_deferred *)argument;
    int code = forker_stream_begin(handle, -1);
    while (code == FORKER_OK || code == FORKER_E_AGAIN) {
        code = forker_stream_write(handle, large, PIECE);
        if (code == FORKER_E_AGAIN) {
            usleep(1000);
        }
    }
    forker_stream_end(handle);
    tell("left\n");
    return NULL;
}

static int stream(forker_request *req, void *user)
{
    static forker_deferred handle;
    pthread_t thread;
    (void)user;
    if (forker_request_defer(req, &handle) == FORKER_OK && pthread_create(&thread, NULL, write_all, &handle) == 0) {
        pthread_detach(thread);
    }
    return FORKER_DEFERRED;
}

static void stop(int number)
{
    (void)number;
    forker_server_stop(server, 0);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL);
    signal(SIGTERM, stop);
    server = forker_server_new();
    path = argc > 3 ? argv[3] : "";
    forker_server_set(server, "workers", "0");
    forker_server_handle(server, "GET", "/", hello, NULL);
    forker_server_handle(server, "GET", "/file", file, NULL);
    forker_server_handle(server, "GET", "/lent", lent, NULL);
    forker_server_handle(server, "GET", "/stream", stream, NULL);
    forker_route *route;
    forker_server_route(server, "GET", "/pool", lent, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_listen(server, argc > 2 ? argv[2] : "127.0.0.1:0");
    forker_server_on_worker_init(server, tell_worker, NULL);
    tell_addresses(server);
    return argc > 3 && serve_by(server, argv[1]) == FORKER_OK ? 0 : 1;
}
