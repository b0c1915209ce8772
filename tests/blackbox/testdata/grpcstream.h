/* Handlers of grpc.c that take or give messages one by one. */
#ifndef GRPCSTREAM_H
#define GRPCSTREAM_H

#include "grpcunary.h"

/* A call whose messages go out one after the other. */
typedef struct {
    forker_deferred handle;
    char *text;  /* what is sent, */
    size_t len;  /* so many bytes, */
    size_t left; /* so many times more */
} sending;

static void free_sending(sending *s)
{
    free(s->text);
    free(s);
}

static void go_on(forker_deferred handle, void *user)
{
    sending *s = user;
    int code = FORKER_OK;
    while (s->left > 0 && (code = forker_grpc_send(handle, s->text, s->len)) == FORKER_OK) {
        s->left--;
    }
    if (s->left == 0) {
        forker_grpc_finish(handle, 0, "all sent");
    } else if (code != FORKER_OK && code != FORKER_E_AGAIN) {
        char text[256];
        forker_deferred_error(handle, text, sizeof text);
        forker_grpc_finish(handle, 8, text);
    }
}

static void end_sending(forker_deferred handle, int reason, void *user)
{
    sending *s = user;
    char line[64];
    snprintf(line, sizeof line, "stream closed %d, %d to go\n", reason, s->left > 0);
    tell(line);
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
    free_sending(s);
}

static void *go_on_thread(void *user)
{
    sending *s = user;
    for (; s->left > 0; s->left--) {
        int code;
        while ((code = forker_grpc_send(s->handle, s->text, s->len)) == FORKER_E_AGAIN) {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        }
        if (code != FORKER_OK) {
            break;
        }
    }
    forker_grpc_finish(s->handle, 0, NULL);
    free_sending(s);
    return NULL;
}

/* Sends the message as often as metadata says: on drain, or if `user` is set by a thread. */
static int many(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    const char *times = forker_grpc_metadata(req, "times", NULL);
    sending *s = calloc(1, sizeof *s);
    pthread_t thread;
    if (s == NULL || forker_request_defer(req, &s->handle) != FORKER_OK) {
        free(s);
        return FORKER_E_MEMORY;
    }
    s->text = malloc(len + 1);
    memcpy(s->text, message, len);
    s->len = len;
    s->left = times != NULL ? (size_t)atol(times) : 0;
    forker_grpc_metadata_add(req, "x-before", "first", 5);
    forker_grpc_trailer_add(req, "x-behind", "last", 4);
    if (user != NULL) {
        pthread_create(&thread, NULL, go_on_thread, s);
        pthread_detach(thread);
        return FORKER_DEFERRED;
    }
    forker_deferred_on_close(s->handle, end_sending, s);
    forker_stream_on_drain(s->handle, go_on, s);
    go_on(s->handle, s);
    return FORKER_DEFERRED;
}

/* Writes what is no message between messages, and ends the call with what it is told of that. */
static int mixed(forker_request *req, void *user)
{
    char text[256], sentence[200];
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_grpc_send(handle, "message", 7) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    int code = forker_stream_write(handle, "\x01\xff\xff\xff\xff", 5);
    forker_deferred_error(handle, sentence, sizeof sentence);
    snprintf(text, sizeof text, "%d: %s", code, sentence);
    forker_grpc_finish(handle, 2, text);
    return FORKER_DEFERRED;
}

/* Sends a message to a stream of bytes, and writes what it is told of that. */
static int raw(forker_request *req, void *user)
{
    char text[256], sentence[200];
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_stream_begin(handle, -1) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    int code = forker_grpc_send(handle, "message", 7);
    forker_deferred_error(handle, sentence, sizeof sentence);
    snprintf(text, sizeof text, "%d: %s", code, sentence);
    forker_stream_write(handle, text, strlen(text));
    forker_stream_end(handle);
    return FORKER_DEFERRED;
}

/* "<code>: <sentence>" of a call with a handle that has failed. */
static void note_handle(forker_deferred handle, int code)
{
    char sentence[200];
    size_t len = strlen(told);
    forker_deferred_error(handle, sentence, sizeof sentence);
    snprintf(told + len, sizeof told - len, "%d: %s\n", code, sentence);
}

/* Does with a call that has ended what belongs before its end, and tells what comes of that. */
static void too_late(forker_deferred handle, int reason, void *user)
{
    forker_request *req = forker_deferred_request(handle);
    (void)reason;
    (void)user;
    told[0] = '\0';
    note_handle(handle, forker_grpc_begin(handle));
    note_handle(handle, forker_grpc_send(handle, "late", 4));
    note(req, forker_grpc_reply(req, "late", 4));
    note(req, forker_grpc_fail(req, 3, "late"));
    note(req, forker_grpc_trailer_add(req, "late", "1", 1));
    note(req, forker_grpc_compress(req, 1));
    note_handle(handle, forker_grpc_finish(handle, 0, NULL));
    note_handle(handle, forker_grpc_finish(handle, 0, NULL));
    tell(told);
}

static int never_too_late(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_deferred_on_close(handle, too_late, NULL)) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* Begins the response, and ends the call without a message when the client has closed its side. */
static int end_begun(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)req;
    (void)data;
    (void)len;
    if (last != 0) {
        forker_grpc_finish((forker_deferred)(uintptr_t)user, 9, "ended");
    }
    return FORKER_OK;
}

static int begin(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_grpc_on_message(req, end_begun, (void *)(uintptr_t)handle) != FORKER_OK ||
        forker_grpc_metadata_add(req, "x-before", "first", 5) != FORKER_OK || forker_grpc_begin(handle) != FORKER_OK ||
        forker_grpc_begin(handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* Ends a call with status OK too early, before the response has begun and after, and replies with what it is told of that. */
static int too_early(forker_request *req, void *user)
{
    char text[512] = "", sentence[200];
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    for (int i = 0; i < 2; i++) {
        int code = forker_grpc_finish(handle, 0, NULL);
        size_t len = strlen(text);
        forker_deferred_error(handle, sentence, sizeof sentence);
        snprintf(text + len, sizeof text - len, "%d: %s\n", code, sentence);
        forker_grpc_begin(handle);
    }
    forker_grpc_send(handle, text, strlen(text));
    forker_grpc_finish(handle, 0, NULL);
    return FORKER_DEFERRED;
}

/* What has come of a call. */
typedef struct {
    forker_deferred handle; /* 0: none */
    size_t count, bytes;
} taken;

static int add_up(forker_request *req, const void *data, size_t len, int last, void *user)
{
    taken *t = user;
    char text[64];
    if (last == 0) {
        t->count++;
        t->bytes += len;
        return len == 4 && memcmp(data, "stop", 4) == 0 ? forker_grpc_fail(req, 10, "stopped") : FORKER_OK;
    }
    snprintf(text, sizeof text, "%zu messages, %zu bytes%s", t->count, t->bytes, data != NULL ? ", and data" : "");
    free(t);
    if (last < 0) {
        tell("aborted\n");
        return FORKER_OK;
    }
    return reply(req, text);
}

/* Counts messages, without a handle. */
static int count(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_on_message(req, add_up, calloc(1, sizeof(taken)));
}

static forker_server *user_server;

static void resume(forker_server *server, void *user)
{
    (void)server;
    forker_deferred_resume((forker_deferred)(uintptr_t)user);
}

/* Sends each message back at once. "pause" pauses until the next turn of the loop; "end" ends the call. */
static int send_back(forker_request *req, const void *data, size_t len, int last, void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    if (last < 0) {
        tell("aborted\n");
        return FORKER_OK;
    }
    if (last > 0) {
        forker_grpc_finish(handle, 0, NULL);
        return FORKER_OK;
    }
    if (len == 5 && memcmp(data, "pause", 5) == 0) {
        forker_request_pause(req);
        forker_server_post(user_server, resume, user);
    }
    if (len == 3 && memcmp(data, "end", 3) == 0) {
        forker_grpc_finish(handle, 11, "ended");
        return FORKER_OK;
    }
    forker_grpc_send(handle, data, len);
    return FORKER_OK;
}

static void use_up(forker_deferred handle, int reason, void *user)
{
    char line[64];
    (void)user;
    snprintf(line, sizeof line, "chat closed %d\n", reason);
    tell(line);
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
}

static int chat(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, use_up, NULL) != FORKER_OK ||
        forker_grpc_on_message(req, send_back, (void *)(uintptr_t)handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* Sends the message once, and no more until the call is over. */
static int quiet(forker_request *req, void *user)
{
    forker_deferred handle;
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, use_up, NULL) != FORKER_OK ||
        forker_grpc_send(handle, message, len) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* Fails before it takes a message. */
static int refuse(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_fail(req, 7, "not you");
}

#endif
