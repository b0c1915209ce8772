/*
 * Handlers that make mistakes: mistakes <address>. GET /<name> makes one, tells the sentence that forker_request_error()
 * or forker_deferred_error() has for it, and fails with its code.
 */
#define _GNU_SOURCE

#include "program.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static int tell_sentence(const char *sentence, int code)
{
    char line[1024];
    snprintf(line, sizeof line, "sentence: %s\n", sentence);
    tell(line);
    return code;
}

/* ------------------------------------------------------------------------------------------------------- on requests */

static int none(forker_request *req)
{
    (void)req;
    return FORKER_E_INTERNAL;
}

static int reserved(forker_request *req)
{
    return forker_response_header_set(req, "Content-Length", "1");
}

static int no_token(forker_request *req)
{
    return forker_response_header_add(req, "X Y", "1");
}

static int split(forker_request *req)
{
    return forker_response_header_set(req, "X-Split", "a\r\nb");
}

static int no_name(forker_request *req)
{
    return forker_response_header_set(req, NULL, "a");
}

static int connection(forker_request *req)
{
    return forker_response_header_set(req, "Connection", "upgrade");
}

static int announces_length(forker_request *req)
{
    return forker_response_header_set(req, "Trailer", "X-Sum, content-length");
}

static int announces_cookie(forker_request *req)
{
    return forker_response_header_set(req, "Trailer", "Set-Cookie");
}

static int announces_nothing(forker_request *req)
{
    return forker_response_header_set(req, "Trailer", "X-Sum,");
}

static int too_many_fields(forker_request *req)
{
    static char value[60001];
    memset(value, 'a', sizeof value - 1);
    int code = FORKER_OK;
    while (code == FORKER_OK) {
        code = forker_response_header_add(req, "X-Long", value);
    }
    return code;
}

static int status(forker_request *req)
{
    return forker_response_status(req, 199);
}

static int respond_status(forker_request *req)
{
    return forker_respond(req, 600, NULL, NULL, 0);
}

static int respond_type(forker_request *req)
{
    return forker_respond(req, 200, "text/plain\n", NULL, 0);
}

static int respond_nothing(forker_request *req)
{
    return forker_respond(req, 200, NULL, NULL, 7);
}

static int respond_twice(forker_request *req)
{
    int code = forker_respond(req, 200, NULL, "a", 1);
    return code == FORKER_OK ? forker_respond(req, 200, NULL, "b", 1) : code;
}

static int respond_written(forker_request *req)
{
    forker_response_write(req, "a", 1);
    return forker_respond(req, 200, NULL, "b", 1);
}

static int error_status(forker_request *req)
{
    return forker_respond_error(req, 200, NULL);
}

static int reset_lent(forker_request *req)
{
    forker_response_lend(req, "lent", 4, NULL, NULL);
    return forker_response_reset(req);
}

static int lend_all(forker_request *req)
{
    return forker_response_lend(req, "lent", SIZE_MAX, NULL, NULL);
}

static int length(forker_request *req)
{
    return forker_response_length(req, -2);
}

static int length_less(forker_request *req)
{
    forker_response_write(req, "12345", 5);
    return forker_response_length(req, 4);
}

static int length_exceeded(forker_request *req)
{
    forker_response_length(req, 4);
    return forker_response_write(req, "12345", 5);
}

static int length_other(forker_request *req)
{
    forker_response_length(req, 4);
    return forker_respond(req, 200, NULL, "12345", 5);
}

static int length_short(forker_request *req)
{
    forker_response_length(req, 4);
    return forker_response_write(req, "123", 3);
}

static int no_file(forker_request *req)
{
    return forker_response_file(req, -1, 0, -1);
}

static int file_range(forker_request *req)
{
    char path[] = "/tmp/mistakesXXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    int code = forker_response_file(req, fd, 0, 1);
    close(fd);
    return code;
}

static int no_path(forker_request *req)
{
    return forker_respond_file(req, 200, NULL, NULL);
}

static int interim_status(forker_request *req)
{
    return forker_respond_interim(req, 200, "Link", "a");
}

static int interim_field(forker_request *req)
{
    return forker_respond_interim(req, 103, "Upgrade", "a");
}

static int header_index(forker_request *req)
{
    return forker_request_header_at(req, 99, NULL, NULL);
}

static int trailer_index(forker_request *req)
{
    return forker_request_trailer_at(req, 0, NULL, NULL);
}

static int body_fd(forker_request *req)
{
    return forker_request_body_fd(req);
}

static int pause_body(forker_request *req)
{
    return forker_request_pause(req);
}

static int no_on_body(forker_request *req)
{
    return forker_request_on_body(req, NULL, NULL);
}

static int no_handle(forker_request *req)
{
    return forker_request_defer(req, NULL);
}

static int defer_answered(forker_request *req)
{
    forker_deferred handle;
    forker_respond(req, 200, NULL, NULL, 0);
    return forker_request_defer(req, &handle);
}

/* A mistake that the handler does not look at. */
static int overlooked(forker_request *req)
{
    forker_response_header_set(req, "Keep-Alive", "1");
    return FORKER_OK;
}

/* -------------------------------------------------------------------------------------------------------- on handles */

static int respond_later(forker_deferred handle)
{
    return forker_deferred_respond(handle, 99, NULL, NULL, 0);
}

static int send_nothing(forker_deferred handle)
{
    return forker_deferred_send(handle);
}

static int send_short(forker_deferred handle)
{
    forker_response_length(forker_deferred_request(handle), 3);
    return forker_deferred_send(handle);
}

static int begin_length(forker_deferred handle)
{
    return forker_stream_begin(handle, INT64_MIN);
}

static int begin_other(forker_deferred handle)
{
    forker_response_length(forker_deferred_request(handle), 3);
    return forker_stream_begin(handle, 4);
}

static int write_unbegun(forker_deferred handle)
{
    return forker_stream_write(handle, "a", 1);
}

static int trailer_unbegun(forker_deferred handle)
{
    return forker_stream_trailer(handle, "X-Sum", "1");
}

static int send_event(forker_deferred handle)
{
    return forker_sse_send(handle, "two\nlines", NULL, "");
}

/* The same where a stream goes on. */
static int begin_twice(forker_deferred handle)
{
    forker_stream_begin(handle, 3);
    return forker_stream_begin(handle, 3);
}

static int write_more(forker_deferred handle)
{
    forker_stream_begin(handle, 3);
    return forker_stream_write(handle, "1234", 4);
}

static int trailer_name(forker_deferred handle)
{
    forker_stream_begin(handle, -1);
    return forker_stream_trailer(handle, "Content-Type", "a");
}

static int respond_stream(forker_deferred handle)
{
    forker_stream_begin(handle, -1);
    return forker_deferred_respond(handle, 200, NULL, NULL, 0);
}

/* -------------------------------------------------------------------------------------------------------------- main */

static const struct {
    const char *name;
    int (*on_request)(forker_request *req);
    int (*on_handle)(forker_deferred handle);
} mistakes[] = {
    {"none", none, NULL},
    {"reserved", reserved, NULL},
    {"no-token", no_token, NULL},
    {"split", split, NULL},
    {"no-name", no_name, NULL},
    {"connection", connection, NULL},
    {"announces-length", announces_length, NULL},
    {"announces-cookie", announces_cookie, NULL},
    {"announces-nothing", announces_nothing, NULL},
    {"too-many-fields", too_many_fields, NULL},
    {"status", status, NULL},
    {"respond-status", respond_status, NULL},
    {"respond-type", respond_type, NULL},
    {"respond-nothing", respond_nothing, NULL},
    {"respond-twice", respond_twice, NULL},
    {"respond-written", respond_written, NULL},
    {"error-status", error_status, NULL},
    {"reset-lent", reset_lent, NULL},
    {"lend-all", lend_all, NULL},
    {"length", length, NULL},
    {"length-less", length_less, NULL},
    {"length-exceeded", length_exceeded, NULL},
    {"length-other", length_other, NULL},
    {"length-short", length_short, NULL},
    {"no-file", no_file, NULL},
    {"file-range", file_range, NULL},
    {"no-path", no_path, NULL},
    {"interim-status", interim_status, NULL},
    {"interim-field", interim_field, NULL},
    {"header-index", header_index, NULL},
    {"trailer-index", trailer_index, NULL},
    {"body-fd", body_fd, NULL},
    {"pause", pause_body, NULL},
    {"no-on-body", no_on_body, NULL},
    {"no-handle", no_handle, NULL},
    {"defer-answered", defer_answered, NULL},
    {"overlooked", overlooked, NULL},
    {"respond-later", NULL, respond_later},
    {"send-nothing", NULL, send_nothing},
    {"send-short", NULL, send_short},
    {"begin-length", NULL, begin_length},
    {"begin-other", NULL, begin_other},
    {"write-unbegun", NULL, write_unbegun},
    {"trailer-unbegun", NULL, trailer_unbegun},
    {"send-event", NULL, send_event},
    {"begin-twice", NULL, begin_twice},
    {"write-more", NULL, write_more},
    {"trailer-name", NULL, trailer_name},
    {"respond-stream", NULL, respond_stream},
};

static int on_handle(forker_request *req, int (*mistake)(forker_deferred handle))
{
    char sentence[512], cut[8];
    forker_deferred handle;
    int code = forker_request_defer(req, &handle);
    if (code != FORKER_OK) {
        return code;
    }
    code = mistake(handle);
    forker_deferred_error(handle, sentence, sizeof sentence);
    forker_deferred_error(handle, cut, sizeof cut);
    if (strlen(cut) != sizeof cut - 1 || strncmp(cut, sentence, sizeof cut - 1) != 0) {
        tell("the sentence is not cut\n");
    }
    tell_sentence(sentence, code);
    forker_deferred_drop(handle);
    if (forker_deferred_error(handle, sentence, sizeof sentence) != FORKER_E_ABORTED || sentence[0] != '\0') {
        tell("a handle that is used up has a sentence\n");
    }
    return FORKER_DEFERRED;
}

static int make(forker_request *req, void *user)
{
    const char *name = forker_request_param(req, "name", NULL);
    (void)user;
    if (forker_request_error(req)[0] != '\0') {
        tell("a request begins with a sentence\n");
    }
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        if (strcmp(mistakes[i].name, name) != 0) {
            continue;
        }
        if (mistakes[i].on_handle != NULL) {
            return on_handle(req, mistakes[i].on_handle);
        }
        int code = mistakes[i].on_request(req);
        return tell_sentence(forker_request_error(req), code);
    }
    return FORKER_NEXT;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/:name", make, NULL);
    forker_route *route;
    forker_server_route(server, "GET", "/pool/:name", make, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    return serve_to_end(server);
}
