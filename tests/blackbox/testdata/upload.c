/* Bodies of requests, whole and piece by piece: upload <address> */
#define _GNU_SOURCE

#include "program.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

/* FNV-1a. */
static uint64_t hash_add(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
    }
    return hash;
}

#define HASH_START 0xcbf29ce484222325u

/* What the file of the body is: "none", "same" or what is wrong with it. */
static const char *describe_file(forker_request *req, const char *body, size_t len)
{
    struct stat stat;
    int fd = forker_request_body_fd(req);
    if (fd < 0) {
        return fd == FORKER_E_STATE ? "none" : "another code";
    }
    if (fstat(fd, &stat) != 0 || stat.st_size != (off_t)len || stat.st_nlink > 0) {
        return "of another size, or with a name";
    }
    char *copy = malloc(len);
    const char *verdict = copy == NULL || pread(fd, copy, len, 0) != (ssize_t)len || memcmp(copy, body, len) != 0
                              ? "with other bytes"
                              : "same";
    free(copy);
    return verdict;
}

/* "<length> <hash> file <what>, NUL <is there>" */
static int whole(forker_request *req, void *user)
{
    char text[128];
    size_t len;
    (void)user;
    const char *body = forker_request_body(req, &len);
    snprintf(text, sizeof text, "%zu %016llx file %s, NUL %d", len, (unsigned long long)hash_add(HASH_START, body, len),
             describe_file(req, body, len), body[len] == '\0');
    return response_text(req, text);
}

/* --------------------------------------------------------------------------------------------------- piece by piece */

/* A body on its way. */
typedef struct {
    forker_deferred handle; /* 0: none */
    size_t len;
    uint64_t hash;
    size_t pieces;
    size_t longest;
    size_t pause_at; /* paused when so much has come; 0: never */
} upload;

static int live; /* uploads that are not freed, of any thread */

static upload *upload_new(void)
{
    upload *u = calloc(1, sizeof *u);
    if (u == NULL) {
        abort();
    }
    u->hash = HASH_START;
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return u;
}

static void upload_free(upload *u)
{
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    free(u);
}

static void tell_number(const char *what, long number)
{
    char line[128];
    snprintf(line, sizeof line, "%s %ld\n", what, number);
    tell(line);
}

static void upload_add(upload *u, const void *data, size_t len)
{
    u->hash = hash_add(u->hash, data, len);
    u->len += len;
    u->pieces++;
    u->longest = len > u->longest ? len : u->longest;
}

/* "<length> <hash> trailer <X-Sum>, small pieces"; a large one is longer than an input buffer. */
static void upload_describe(const upload *u, forker_request *req, char *text, size_t size)
{
    const char *trailer = forker_request_trailer(req, "X-Sum", NULL);
    snprintf(text, size, "%zu %016llx trailer %s, %s pieces", u->len, (unsigned long long)u->hash,
             trailer != NULL ? trailer : "none", u->longest <= 64 * 1024 ? "small" : "large");
}

static int on_body(forker_request *req, const void *data, size_t len, int last, void *user)
{
    upload *u = user;
    char text[128];
    if (last < 0) {
        tell_number(data == NULL && len == 0 ? "aborted behind" : "aborted with data behind", (long)u->len);
        upload_free(u);
        return FORKER_OK;
    }
    upload_add(u, data, len);
    if (last == 0) {
        return FORKER_OK;
    }
    upload_describe(u, req, text, sizeof text);
    upload_free(u);
    return response_text(req, text);
}

static int stream(forker_request *req, void *user)
{
    (void)user;
    upload *u = upload_new();
    int code = forker_request_on_body(req, on_body, u);
    if (code != FORKER_OK) {
        upload_free(u);
    }
    return code;
}

/* Answers before the body is there, without a look at it. */
static int refuse(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_error(req, 403, "not here");
}

static int refuse_after_asking(forker_request *req, void *user)
{
    int code = stream(req, user);
    return code == FORKER_OK ? refuse(req, user) : code;
}

/* Has enough after 10 bytes: answers, or fails if `user` says so. */
static int on_body_until_10(forker_request *req, const void *data, size_t len, int last, void *user)
{
    upload *u = user;
    if (last != 0 || u->len + len < 10) {
        return on_body(req, data, len, last, user);
    }
    upload_add(u, data, len);
    return u->pause_at > 0 ? FORKER_E_INVALID : forker_respond(req, 422, NULL, "enough", 6);
}

static int response_in_the_middle(forker_request *req, void *user)
{
    upload *u = upload_new();
    u->pause_at = user != NULL;
    return forker_request_on_body(req, on_body_until_10, u);
}

/* Builds the response of the pieces as they come. */
static int on_body_echo(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)user;
    return last >= 0 ? forker_response_write(req, data, len) : FORKER_OK;
}

static int echo(forker_request *req, void *user)
{
    (void)user;
    return forker_request_on_body(req, on_body_echo, NULL);
}

static int pass_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

/* --------------------------------------------------------------------------------------------------------- deferred */

static forker_deferred latest; /* of the latest upload with a handle */

static int on_body_deferred(forker_request *req, const void *data, size_t len, int last, void *user)
{
    upload *u = user;
    char text[128];
    if (last < 0) {
        tell_number("aborted behind", (long)u->len);
        forker_deferred_drop(u->handle);
        upload_free(u);
        return FORKER_OK;
    }
    upload_add(u, data, len);
    if (last == 0 && u->pause_at > 0 && u->len >= u->pause_at) {
        u->pause_at = 0;
        tell_number("paused", forker_request_pause(req));
        return FORKER_OK;
    }
    if (last == 0) {
        return FORKER_DEFERRED; /* as good as FORKER_OK */
    }
    tell_number("pause at the end", forker_request_pause(req));
    upload_describe(u, req, text, sizeof text);
    forker_deferred handle = u->handle;
    upload_free(u);
    return forker_deferred_respond(handle, 200, "text/plain", text, strlen(text));
}

static void closed(forker_deferred handle, int reason, void *user)
{
    (void)handle;
    (void)user;
    tell_number("closed", reason);
}

/* Pauses after ?<bytes>; 0 is at once. */
static int paused(forker_request *req, void *user)
{
    (void)user;
    upload *u = upload_new();
    forker_request_defer(req, &u->handle);
    forker_deferred_on_close(u->handle, closed, NULL);
    latest = u->handle;
    tell_number("pause too early", forker_request_pause(req));
    u->pause_at = strtoul(forker_request_query(req, NULL), NULL, 10);
    int code = forker_request_on_body(req, on_body_deferred, u);
    if (u->pause_at == 0) {
        tell_number("paused", forker_request_pause(req));
    }
    return code == FORKER_OK ? FORKER_DEFERRED : code;
}

static void *resume_work(void *argument)
{
    tell_number("resume", forker_deferred_resume(*(forker_deferred *)argument));
    return NULL;
}

static void *respond_work(void *argument)
{
    tell_number("respond", forker_deferred_respond(*(forker_deferred *)argument, 422, NULL, "enough", 6));
    return NULL;
}

/* Does something to the latest upload, on another thread. */
static int steer(forker_request *req, void *user)
{
    pthread_t thread;
    void *(*work)(void *) = user == NULL ? resume_work : respond_work;
    if (pthread_create(&thread, NULL, work, &latest) != 0) {
        return FORKER_E_SYSTEM;
    }
    pthread_join(thread, NULL);
    return response_text(req, "steered");
}

/* Defers at the end of the body, and answers from another thread. */
static int on_body_then_defer(forker_request *req, const void *data, size_t len, int last, void *user)
{
    pthread_t thread;
    upload *u = user;
    if (last <= 0) {
        return on_body(req, data, len, last, user);
    }
    upload_free(u);
    int code = forker_request_defer(req, &latest);
    if (code != FORKER_OK || pthread_create(&thread, NULL, respond_work, &latest) != 0) {
        return FORKER_E_SYSTEM;
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static int defer_at_the_end(forker_request *req, void *user)
{
    (void)user;
    return forker_request_on_body(req, on_body_then_defer, upload_new());
}

/* ----------------------------------------------------------------------------------------------------------- misuse */

static int on_body_misuse(forker_request *req, const void *data, size_t len, int last, void *user)
{
    int fd;
    (void)data;
    (void)len;
    if (last == 1) {
        tell_number("on_body inside", forker_request_on_body(req, on_body_misuse, user));
        tell_number("pause without a handle", forker_request_pause(req));
        tell_number("hijack inside", forker_request_hijack(req, &fd, NULL, NULL));
        return FORKER_OK; /* without a response */
    }
    if (last < 0) {
        forker_deferred handle;
        tell_number("respond after the end", response_text(req, "x"));
        tell_number("defer after the end", forker_request_defer(req, &handle));
    }
    return FORKER_OK;
}

static int misuse(forker_request *req, void *user)
{
    tell_number("on_body NULL", forker_request_on_body(req, NULL, user));
    tell_number("on_body first", forker_request_on_body(req, on_body_misuse, user));
    tell_number("on_body second", forker_request_on_body(req, on_body_misuse, user));
    return FORKER_OK;
}

static int next_after_asking(forker_request *req, void *user)
{
    (void)stream(req, user);
    return FORKER_NEXT;
}

static int answer_live(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d", __atomic_load_n(&live, __ATOMIC_RELAXED));
    return response_text(req, text);
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello");
}

static forker_route *handle_stream(forker_server *server, const char *pattern, forker_handler handler, void *user)
{
    forker_route *route;
    forker_server_route(server, "POST", pattern, handler, user, &route);
    forker_route_set(route, "body", "stream");
    return route;
}

static void add_streams(forker_server *server)
{
    static int yes;
    handle_stream(server, "/stream", stream, NULL);
    forker_route_set(handle_stream(server, "/stream-limited", stream, NULL), "max_body", "1000");
    forker_route_set(handle_stream(server, "/stream-pool", stream, NULL), "dispatch", "pool");
    handle_stream(server, "/refuse", refuse, NULL);
    handle_stream(server, "/refuse-after-asking", refuse_after_asking, NULL);
    handle_stream(server, "/enough", response_in_the_middle, NULL);
    handle_stream(server, "/fail", response_in_the_middle, &yes);
    handle_stream(server, "/echo", echo, NULL);
    handle_stream(server, "/pass/whole", pass_on, NULL);
    forker_route_set(handle_stream(server, "/pass/:pool", pass_on, NULL), "dispatch", "pool");
    handle_stream(server, "/paused", paused, NULL);
    forker_route_set(handle_stream(server, "/paused-pool", paused, NULL), "dispatch", "pool");
    handle_stream(server, "/defer-at-the-end", defer_at_the_end, NULL);
    handle_stream(server, "/misuse", misuse, NULL);
    handle_stream(server, "/next-after-asking", next_after_asking, NULL);
}

int main(int argc, char **argv)
{
    static int yes;
    forker_server *server = forker_server_new();
    forker_route *limited, *wide;
    (void)argc;
    add_streams(server);
    forker_server_handle(server, "POST", "/whole", whole, NULL);
    forker_server_route(server, "POST", "/whole-limited", whole, NULL, &limited);
    forker_server_route(server, "POST", "/whole-wide", whole, NULL, &wide);
    forker_route_set(limited, "max_body", "1000");
    forker_route_set(wide, "max_body", "1m");
    forker_server_handle(server, "POST", "/whole-asked", stream, NULL);
    forker_server_handle(server, "POST", "/whole-paused", paused, NULL);
    forker_server_handle(server, "POST", "/pass/*rest", whole, NULL);
    forker_server_handle(server, "GET", "/live", answer_live, NULL);
    forker_server_handle(server, "GET", "/resume", steer, NULL);
    forker_server_handle(server, "GET", "/respond", steer, &yes);
    forker_server_handle(server, "GET", "/*rest", hello, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
