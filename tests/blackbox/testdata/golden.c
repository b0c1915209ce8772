/*
 * One route for each thing that a program can do with a request, for the bytes that the client gets of it:
 * golden <address> <file>
 *
 * Nothing depends on time: what comes later comes when /go is asked for, on another connection.
 */
#define _GNU_SOURCE

#include "goldenlater.h"

#include <fcntl.h>

static const char *file_name;

/* ------------------------------------------------------------------------------------------------ whole responses */

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

static int the_end(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "the end of a case\n");
}

static int empty(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, NULL, NULL, 0);
}

static int status(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, number(req), "text/plain", "body\n", 5);
}

static int error(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_error(req, number(req), "because");
}

static int error_plain(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_error(req, number(req), NULL);
}

static int error_late(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "WWW-Authenticate", "Basic");
    forker_response_header_set(req, "ETag", "\"of what is dropped\"");
    forker_response_header_set(req, "Content-Type", "application/json");
    forker_response_length(req, 100);
    forker_response_write(req, "dropped", 7);
    return forker_respond_error(req, 401, NULL);
}

static int sized(forker_request *req, void *user)
{
    (void)user;
    size_t len = (size_t)number(req);
    char *body = malloc(len + 1);
    if (body == NULL) {
        return FORKER_E_MEMORY;
    }
    memset(body, 'x', len);
    int code = forker_respond(req, 200, "text/plain", body, len);
    free(body);
    return code;
}

/* -------------------------------------------------------------------------------------------------- piece by piece */

static int fields(forker_request *req, void *user)
{
    (void)user;
    forker_response_status(req, 201);
    forker_response_header_set(req, "X-Set", "first");
    forker_response_header_add(req, "Set-Cookie", "a=1");
    forker_response_header_add(req, "Set-Cookie", "b=2");
    forker_response_header_set(req, "x-set", "second");
    forker_response_header_set(req, "X-Empty", "");
    forker_response_write(req, "in ", 3);
    return forker_response_write(req, "pieces\n", 7);
}

/* The length that a body would have, of which none is made. */
static int length(forker_request *req, void *user)
{
    (void)user;
    return forker_response_length(req, number(req));
}

static int not_modified(forker_request *req, void *user)
{
    (void)user;
    forker_response_status(req, 304);
    forker_response_header_set(req, "ETag", "\"1\"");
    return forker_response_length(req, 1234567890123);
}

static int no_body(forker_request *req, void *user)
{
    (void)user;
    return forker_response_header_set(req, "X-Only", "a field");
}

static int own_date(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    return response_text(req, "old\n");
}

static int own_server(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "Server", "mine");
    return response_text(req, "mine\n");
}

static int close_after(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "Connection", "close");
    return response_text(req, "bye\n");
}

/* What would split the response is refused, and the rest goes on. */
static int refused_fields(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "X-Split", "a\r\nX-Evil: b");
    forker_response_header_set(req, "Content-Length", "1");
    forker_response_header_set(req, "Transfer-Encoding", "chunked");
    return response_text(req, "unharmed\n");
}

static int reset(forker_request *req, void *user)
{
    (void)user;
    forker_response_status(req, 404);
    forker_response_header_set(req, "X-Gone", "yes");
    forker_response_write(req, "gone", 4);
    forker_response_reset(req);
    return response_text(req, "anew\n");
}

static int lent(forker_request *req, void *user)
{
    (void)user;
    forker_response_write(req, "<", 1);
    forker_response_lend(req, "lent", 4, NULL, NULL);
    forker_response_write(req, "-", 1);
    forker_response_lend(req, "again", 5, NULL, NULL);
    return forker_response_write(req, ">", 1);
}

/* Its own tag would have its inode in it, which is another one each time. */
static int file(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "ETag", "\"letters\"");
    return forker_respond_file(req, 200, "text/plain", file_name);
}

static int no_file(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_file(req, 200, "text/plain", "/does/not/exist");
}

/* Bytes 5 to 9 of the file, between brackets. */
static int slice(forker_request *req, void *user)
{
    (void)user;
    int fd = open(file_name, O_RDONLY | O_CLOEXEC);
    forker_response_status(req, 206);
    forker_response_header_set(req, "Content-Range", "bytes 5-9/26");
    forker_response_write(req, "[", 1);
    int code = forker_response_file(req, fd, 5, 5);
    close(fd);
    forker_response_write(req, "]", 1);
    return code;
}

/* ------------------------------------------------------------------------------------------------- failing handlers */

static int result(forker_request *req, void *user)
{
    (void)user;
    return number(req);
}

static int fail_late(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "X-Gone", "yes");
    forker_response_write(req, "gone", 4);
    return FORKER_E_INTERNAL;
}

static int next(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int rest(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "the next one\n");
}

/* --------------------------------------------------------------------------------------------- what the program sees */

static int show(forker_request *req, void *user)
{
    char text[1024];
    (void)user;
    const char *host = forker_request_header(req, "Host", NULL);
    snprintf(text, sizeof text, "%s path %s query %s host %s (%s) version %d\n", forker_request_method(req, NULL),
             forker_request_path(req, NULL), forker_request_query(req, NULL), host != NULL ? host : "none",
             forker_request_host(req, NULL), forker_request_version(req));
    return response_text(req, text);
}

static int echo(forker_request *req, void *user)
{
    (void)user;
    size_t len;
    const char *body = forker_request_body(req, &len);
    return forker_respond(req, 200, "application/octet-stream", body, len);
}

static int trailers(forker_request *req, void *user)
{
    char text[512];
    (void)user;
    const char *sum = forker_request_trailer(req, "X-Sum", NULL);
    snprintf(text, sizeof text, "body %s, %zu trailer fields, X-Sum %s\n", forker_request_body(req, NULL),
             forker_request_trailer_count(req), sum != NULL ? sum : "none");
    return response_text(req, text);
}

/* ----------------------------------------------------------------------------------------------------------- uploads */

static int count_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    static size_t total;
    char text[64];
    (void)data;
    (void)user;
    if (last != FORKER_E_ABORTED) {
        total += len;
    }
    snprintf(text, sizeof text, "%zu bytes\n", total);
    if (last != 0) {
        total = 0;
    }
    return last == 1 ? response_text(req, text) : FORKER_OK;
}

static int upload(forker_request *req, void *user)
{
    (void)user;
    return forker_request_on_body(req, count_piece, NULL);
}

static int stop_at_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)data;
    (void)len;
    (void)user;
    return last == FORKER_E_ABORTED ? FORKER_OK : response_text(req, "enough\n");
}

static int upload_some(forker_request *req, void *user)
{
    (void)user;
    return forker_request_on_body(req, stop_at_piece, NULL);
}

/* --------------------------------------------------------------------------------------------- interim, taken over */

static int hints(forker_request *req, void *user)
{
    (void)user;
    forker_respond_interim(req, 103, "Link", "</a.css>; rel=preload");
    forker_respond_interim(req, 103, "Link", "</b.css>; rel=preload");
    return response_text(req, "hinted\n");
}

/* Says what has come behind the request, on a connection that is its own now. */
static int hijack(forker_request *req, void *user)
{
    const char *early;
    size_t len;
    int fd;
    (void)user;
    int code = forker_request_hijack(req, &fd, &early, &len);
    if (code == FORKER_OK) {
        dprintf(fd, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n%.*s", (int)len,
                early);
        close(fd);
    }
    return code;
}

/* -------------------------------------------------------------------------------------------------------------- main */

static int tell_draining(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    tell("draining\n");
    return FORKER_OK;
}

static const struct {
    const char *methods, *pattern;
    forker_handler handler;
    const char *option, *value;
} routes[] = {
    {"GET,PUT,POST", "/hello", hello, NULL, NULL},
    {"GET", "/the-end", the_end, NULL, NULL},
    {"GET", "/empty", empty, NULL, NULL},
    {"GET", "/status/:number", status, NULL, NULL},
    {"GET", "/error/:number", error, NULL, NULL},
    {"GET", "/error-plain/:number", error_plain, NULL, NULL},
    {"GET", "/error-late", error_late, NULL, NULL},
    {"GET", "/sized/:number", sized, NULL, NULL},
    {"GET", "/fields", fields, NULL, NULL},
    {"GET", "/no-body", no_body, NULL, NULL},
    {"GET", "/length/:number", length, NULL, NULL},
    {"GET", "/not-modified", not_modified, NULL, NULL},
    {"GET", "/own-date", own_date, NULL, NULL},
    {"GET", "/own-server", own_server, NULL, NULL},
    {"GET,POST", "/close", close_after, NULL, NULL},
    {"GET", "/refused-fields", refused_fields, NULL, NULL},
    {"GET", "/reset", reset, NULL, NULL},
    {"GET", "/lent", lent, NULL, NULL},
    {"GET", "/file", file, NULL, NULL},
    {"GET", "/no-file", no_file, NULL, NULL},
    {"GET", "/slice", slice, NULL, NULL},
    {"GET", "/result/:number", result, NULL, NULL},
    {"GET", "/fail-late", fail_late, NULL, NULL},
    {"GET", "/next/first", next, NULL, NULL},
    {"GET", "/next/*rest", rest, NULL, NULL},
    {"GET", "/next-none", next, NULL, NULL},
    {"*", "/show/*rest", show, NULL, NULL},
    {"POST", "/echo", echo, NULL, NULL},
    {"POST", "/echo-few", echo, "max_body", "10"},
    {"POST", "/trailers", trailers, NULL, NULL},
    {"POST", "/upload", upload, "body", "stream"},
    {"POST", "/upload-some", upload_some, "body", "stream"},
    {"POST", "/upload-none", hello, "body", "stream"},
    {"GET", "/hints", hints, NULL, NULL},
    {"GET", "/hijack", hijack, NULL, NULL},
    {"GET", "/go", go, NULL, NULL},
    {"GET", "/later", later, NULL, NULL},
    {"GET", "/later-built", later_built, NULL, NULL},
    {"GET", "/later-dropped", later_dropped, NULL, NULL},
    {"GET", "/deferred-at-once", deferred_at_once, NULL, NULL},
    {"GET", "/from-thread", from_thread, NULL, NULL},
    {"GET", "/pooled", hello, "dispatch", "pool"},
    {"GET", "/pooled-hold", pooled_hold, "dispatch", "pool"},
    {"GET", "/let-go", let_go, NULL, NULL},
    {"GET", "/stream", stream, NULL, NULL},
    {"GET", "/stream-empty", stream_empty, NULL, NULL},
    {"GET", "/stream-trailer", stream_trailer, NULL, NULL},
    {"GET", "/stream-announced", stream_announced, NULL, NULL},
    {"GET", "/stream-announced-length", stream_announced_length, NULL, NULL},
    {"GET", "/stream-length", stream_length, NULL, NULL},
    {"GET", "/stream-short", stream_short, NULL, NULL},
    {"GET", "/stream-dropped", stream_dropped, NULL, NULL},
    {"GET", "/stream-status/:number", stream_status, NULL, NULL},
    {"GET", "/stream-steps", stream_steps, NULL, NULL},
    {"GET", "/stream-later", stream_later, NULL, NULL},
    {"GET", "/stream-breaks", stream_breaks, NULL, NULL},
    {"GET", "/events", events, NULL, NULL},
};

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    file_name = argc > 2 ? argv[2] : "/dev/null";
    sem_init(&held, 0, 0);
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        forker_route *route;
        forker_server_route(server, routes[i].methods, routes[i].pattern, routes[i].handler, NULL, &route);
        if (routes[i].option != NULL) {
            forker_route_set(route, routes[i].option, routes[i].value);
        }
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_on_worker_drain(server, tell_draining, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    return serve_to_end(server);
}
