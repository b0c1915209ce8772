/*
 * Starts and stops a server in its own process over and over: cycles run|start|open <path of a socket>. A number on
 * stdin is so many cycles, which "cycles 20" answers; the end of stdin ends the program. In each cycle a client asks
 * for a response of the loop, of the pool, of a thread, of one with a large body; for one that comes only when the
 * server has ended, and for one of which the program never hears again.
 */
#define _GNU_SOURCE

#include "check.h"
#include "ways.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { LARGE = 3 << 20 };

static forker_server *server;
static pthread_t owner, client;
static forker_deferred kept; /* of the request that is answered too late */
static char *large;
static const char *path;

static int here(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "here\n");
}

static void *respond(void *argument)
{
    forker_deferred *handle = argument;
    CHECK_CODE(forker_deferred_respond(*handle, 200, "text/plain", "later\n", 6), FORKER_OK);
    free(handle);
    return NULL;
}

static int later(forker_request *req, void *user)
{
    (void)user;
    forker_deferred *handle = malloc(sizeof *handle);
    CHECK_CODE(forker_request_defer(req, handle), FORKER_OK);
    CHECK(pthread_create(&owner, NULL, respond, handle) == 0);
    return FORKER_DEFERRED;
}

static int upload(forker_request *req, void *user)
{
    (void)user;
    return forker_response_lend(req, forker_request_body(req, NULL), LARGE, NULL, NULL);
}

/* Also with something in the response that has to be given back. */
static int keep(forker_request *req, void *user)
{
    (void)user;
    char *lent = calloc(1, 100);
    CHECK_CODE(forker_request_defer(req, &kept), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "X-Field", "value"), FORKER_OK);
    CHECK_CODE(forker_response_write(req, "begun", 5), FORKER_OK);
    CHECK_CODE(forker_response_lend(req, lent, 100, free, lent), FORKER_OK);
    return FORKER_DEFERRED;
}

static int lose(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    CHECK_CODE(forker_request_defer(req, &handle), FORKER_OK);
    forker_server_stop(server, 0);
    return FORKER_DEFERRED;
}

/* The server has ended. */
static void answer_too_late(void)
{
    forker_request *req = forker_deferred_request(kept);
    CHECK(req != NULL);
    CHECK_CODE(forker_deferred_cancelled(kept), 1);
    CHECK_TEXT(forker_request_method(req, NULL), "POST");
    CHECK_TEXT(forker_request_header(req, "host", NULL), "test");
    CHECK_TEXT(forker_request_param(req, "name", NULL), "of it");
    size_t len = 0;
    const void *body = forker_request_body(req, &len);
    CHECK(len == LARGE && memcmp(body, large, LARGE) == 0);
    CHECK_CODE(forker_stream_begin(kept, -1), FORKER_E_STATE); /* a body was written */
    CHECK_CODE(forker_deferred_resume(kept), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_on_close(kept, NULL, NULL), FORKER_E_ABORTED);
    CHECK_CODE(forker_deferred_respond(kept, 200, NULL, "", 0), FORKER_E_ABORTED);
    CHECK(forker_deferred_request(kept) == NULL);
    CHECK_CODE(forker_deferred_drop(kept), FORKER_E_ABORTED);
}

/* ------------------------------------------------------------------------------------------------------- the client */

static int connect_to_server(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the server is ending */
        }
        data += sent;
        len -= (size_t)sent;
    }
}

/* Returns how many bytes came up to the end of the connection. */
static size_t ask(const char *target, int posts)
{
    char text[4096];
    size_t total = 0;
    int fd = connect_to_server();
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
             posts ? "POST" : "GET", target, posts ? LARGE : 0);
    send_all(fd, text, strlen(text));
    send_all(fd, large, posts ? LARGE : 0);
    for (ssize_t got; (got = recv(fd, text, sizeof text, 0)) > 0;) {
        total += (size_t)got;
    }
    close(fd);
    return total;
}

static void *ask_for_kept(void *argument)
{
    (void)argument;
    CHECK(ask("/keep/of%20it", 1) == 0);
    return NULL;
}

static void *be_client(void *argument)
{
    pthread_t other;
    (void)argument;
    CHECK(pthread_create(&other, NULL, ask_for_kept, NULL) == 0);
    CHECK(ask("/", 0) > 0);
    CHECK(ask("/pool", 0) > 0);
    CHECK(ask("/later", 0) > 0);
    CHECK(pthread_join(owner, NULL) == 0);
    CHECK(ask("/upload", 1) > LARGE);
    while (__atomic_load_n(&kept, __ATOMIC_ACQUIRE) == 0) {
        usleep(100);
    }
    CHECK(ask("/lose", 0) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------- the server */

static int start_client(forker_server *own, int32_t worker, void *user)
{
    (void)own;
    (void)worker;
    (void)user;
    CHECK(pthread_create(&client, NULL, be_client, NULL) == 0);
    return FORKER_OK;
}

static void make_server(void)
{
    char address[256];
    snprintf(address, sizeof address, "unix:%s", path);
    server = forker_server_new();
    CHECK_CODE(forker_server_set(server, "workers", "0"), FORKER_OK);
    CHECK_CODE(forker_server_set(server, "body_buffer", "1m"), FORKER_OK);
    CHECK_CODE(forker_server_set(server, "max_body", "8m"), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/", here, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/later", later, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "POST", "/upload", upload, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "POST", "/keep/:name", keep, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "GET", "/lose", lose, NULL), FORKER_OK);
    forker_route *route;
    CHECK_CODE(forker_server_route(server, "GET", "/pool", here, NULL, &route), FORKER_OK);
    CHECK_CODE(forker_route_set(route, "dispatch", "pool"), FORKER_OK);
    CHECK_CODE(forker_server_listen(server, address), FORKER_OK);
    CHECK_CODE(forker_server_on_worker_ready(server, start_client, NULL), FORKER_OK);
}

/* Every second time it is the same server as the time before. */
static void cycle(const char *way, int number)
{
    if (number % 2 == 0) {
        make_server();
    }
    kept = 0;
    CHECK_CODE(serve_by(server, way), FORKER_OK);
    CHECK(pthread_join(client, NULL) == 0);
    if (number % 4 < 2) { /* else the last one that has it is forker_server_free() */
        answer_too_late();
    }
    if (number % 2 == 1) {
        forker_server_free(server);
        CHECK_CODE(forker_deferred_drop(kept), FORKER_E_ABORTED);
    }
}

int main(int argc, char **argv)
{
    char line[64];
    alarm(300); /* whatever it waits for */
    path = argc > 2 ? argv[2] : "";
    large = malloc(LARGE);
    memset(large, 'x', LARGE);
    while (argc > 2 && fgets(line, sizeof line, stdin) != NULL) {
        int count = atoi(line);
        for (int i = 0; i < count; i++) {
            cycle(argv[1], i);
        }
        snprintf(line, sizeof line, "cycles %d failures %d\n", count, check_failures);
        tell(line);
    }
    free(large);
    return check_exit_status();
}
