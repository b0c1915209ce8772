/*
 * libforker as the benchmark runs it. Besides what all servers have, GET /pool is answered on the handler pool, and
 * GET /sleep there after a second; GET /deferred by another thread; GET /before has three functions before it; GET /workers
 * tells what each worker has accepted. Over HTTP/2 it has the methods of greeter.proto.
 */
#include <forker.h>

#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "responses.h"

enum { LENT_FROM = 16 << 10 };

static int respond(forker_request *req, void *user)
{
    const response *text = user;
    return forker_respond(req, 200, RESPONSE_TYPE, text->data, text->len);
}

/* The bodies live as long as the process: they need not be copied, which pays off for the larger ones. */
static int lend(forker_request *req, void *user)
{
    const response *text = user;
    forker_response_status(req, 200);
    forker_response_header_set(req, "Content-Type", RESPONSE_TYPE);
    return forker_response_lend(req, text->data, text->len, NULL, NULL);
}

static int count_upload(forker_request *req, void *user)
{
    char text[32];
    size_t len;
    (void)user;
    (void)forker_request_body(req, &len);
    int digits = snprintf(text, sizeof text, "%zu", len);
    return forker_respond(req, 200, RESPONSE_TYPE, text, (size_t)digits);
}

static int go_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int respond_late(forker_request *req, void *user)
{
    (void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    return respond(req, user);
}

/* A line for each worker that lives: its pid, and how many connections it has accepted. */
static int list_workers(forker_request *req, void *user)
{
    forker_server *srv = user;
    forker_worker_stats stats = {.size = sizeof stats};
    char text[4096];
    size_t len = 0;
    for (size_t i = 0; forker_server_worker_stats(srv, i, &stats) == FORKER_OK && len + 64 < sizeof text; i++) {
        if (stats.pid != 0 && stats.state == FORKER_WORKER_READY) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%d %llu\n", (int)stats.pid,
                                    (unsigned long long)stats.accepted);
        }
    }
    return forker_respond(req, 200, RESPONSE_TYPE, text, len);
}

static int send_file(forker_request *req, void *user)
{
    return forker_respond_file(req, 200, RESPONSE_TYPE, user);
}

/* Handles on their way to the thread that answers them; a ring, as large as there can be connections. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    forker_deferred *handles;
    size_t room, begin, count;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

static int defer(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    int err = forker_request_defer(req, &handle);
    if (err != FORKER_OK) {
        return err;
    }
    pthread_mutex_lock(&queue.lock);
    queue.handles[(queue.begin + queue.count++) % queue.room] = handle;
    pthread_cond_signal(&queue.filled);
    pthread_mutex_unlock(&queue.lock);
    return FORKER_DEFERRED;
}

static void *answer_deferred(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&queue.lock);
        while (queue.count == 0) {
            pthread_cond_wait(&queue.filled, &queue.lock);
        }
        forker_deferred handle = queue.handles[queue.begin];
        queue.begin = (queue.begin + 1) % queue.room;
        queue.count--;
        pthread_mutex_unlock(&queue.lock);
        (void)forker_deferred_respond(handle, 200, RESPONSE_TYPE, responses[0].data, responses[0].len);
    }
    return unused;
}

/* The methods of greeter.proto: the name is field 1 of the request, and the greeting of the reply. */
enum { NAME_MOST = 100, MANY = 100 };

/* Packs the reply to a request. Returns its length, 0: the request is no such message. */
static size_t pack_reply(forker_request *req, char *reply)
{
    static const char hello[] = "Hello ";
    size_t len, begin = sizeof hello - 1;
    const char *request = forker_grpc_message(req, &len);
    if (len < 2 || request[0] != 0x0a || (size_t)request[1] != len - 2 || len > NAME_MOST) {
        return 0;
    }
    reply[0] = 0x0a;
    reply[1] = (char)(begin + len - 2);
    memcpy(reply + 2, hello, begin);
    memcpy(reply + 2 + begin, request + 2, len - 2);
    return begin + len;
}

static int say_hello(forker_request *req, void *user)
{
    char reply[2 * NAME_MOST];
    size_t len = pack_reply(req, reply);
    (void)user;
    return len > 0 ? forker_grpc_reply(req, reply, len) : forker_grpc_fail(req, 3, NULL);
}

static int say_hello_often(forker_request *req, void *user)
{
    char reply[2 * NAME_MOST];
    size_t len = pack_reply(req, reply);
    forker_deferred handle;
    (void)user;
    if (len == 0 || forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    for (int i = 0; i < MANY; i++) {
        (void)forker_grpc_send(handle, reply, len); /* all of them have room in option stream_buffer */
    }
    (void)forker_grpc_finish(handle, 0, NULL);
    return FORKER_DEFERRED;
}

static void add_methods(forker_server *srv)
{
    if (strcmp(forker_server_get(srv, "h2c"), "on") == 0) { /* else no method could be called */
        forker_server_grpc(srv, "/helloworld.Greeter/SayHello", FORKER_GRPC_UNARY, say_hello, NULL);
        forker_server_grpc(srv, "/helloworld.Greeter/SayHelloOften", FORKER_GRPC_SERVER_STREAM, say_hello_often, NULL);
    }
}

static void add_directory(forker_server *srv, const char *scratch)
{
    char directory[4096];
    (void)snprintf(directory, sizeof directory, "%s/static", scratch);
    if (access(directory, F_OK) == 0) {
        forker_group_static(forker_server_group(srv, ""), "/static", directory, NULL);
    }
}

static int start_thread(forker_server *server, int32_t worker, void *user)
{
    pthread_t thread;
    (void)server, (void)worker, (void)user;
    return pthread_create(&thread, NULL, answer_deferred, NULL) == 0 ? FORKER_OK : FORKER_E_SYSTEM;
}

static void add_routes(forker_server *srv, char *file)
{
    for (int i = 0; i < RESPONSES; i++) {
        forker_server_handle(srv, "GET", responses[i].path, responses[i].len > LENT_FROM ? lend : respond,
                             &responses[i]);
    }
    forker_server_handle(srv, "POST", "/upload", count_upload, NULL);
    forker_server_handle(srv, "GET", "/files/1m", send_file, file);
    forker_server_handle(srv, "GET", "/workers", list_workers, srv);
    forker_server_handle(srv, "GET", "/deferred", defer, NULL);
    forker_server_on_worker_init(srv, start_thread, NULL);
    forker_group *group = forker_server_group(srv, "/before");
    for (int i = 0; i < 3; i++) {
        forker_group_use(group, go_on, NULL, NULL);
    }
    forker_group_handle(group, "GET", "", respond, &responses[0]);
    forker_route *route;
    forker_server_route(srv, "GET", "/pool", respond, &responses[0], &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_route(srv, "GET", "/sleep", respond_late, &responses[0], &route);
    forker_route_set(route, "dispatch", "pool");
}

int main(int argc, char **argv)
{
    char address[32], file[4096], chain[4096], key[4096];
    if (argc != 4) {
        fprintf(stderr, "usage: libforker PORT CONNECTIONS DIRECTORY\n");
        return 2;
    }
    fill_responses();
    queue.room = strtoul(argv[2], NULL, 10) + 1;
    queue.handles = calloc(queue.room, sizeof *queue.handles);
    (void)snprintf(file, sizeof file, "%s/files/1m", argv[3]);
    (void)snprintf(chain, sizeof chain, "%s/tls.pem", argv[3]);
    (void)snprintf(key, sizeof key, "%s/tls.key", argv[3]);
    bool secured = access(chain, F_OK) == 0;
    (void)snprintf(address, sizeof address, "127.0.0.1:%s%s", argv[1], secured ? "?tls=on" : "");
    forker_server *srv = forker_server_new();
    add_routes(srv, file);
    add_methods(srv);
    add_directory(srv, argv[3]);
    if (secured) {
        forker_server_certificate(srv, chain, key);
    }
    forker_server_listen(srv, address);
    int result = queue.handles != NULL ? forker_server_run(srv) : FORKER_E_MEMORY;
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
