/* Handlers of grpc.c whose calls have one message each way. */
#ifndef GRPCUNARY_H
#define GRPCUNARY_H

#include "program.h"

#include <pthread.h>
#include <stdint.h>
#include <time.h>

static int reply(forker_request *req, const char *text)
{
    return forker_grpc_reply(req, text, strlen(text));
}

static int say(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    (void)user;
    return forker_grpc_reply(req, message, len);
}

static int pack(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    void *room = forker_grpc_reserve(req, len + 10);
    (void)user;
    if (room == NULL || forker_grpc_commit(req, len + 11) != FORKER_E_INVALID) {
        return FORKER_E_INTERNAL;
    }
    memcpy(room, message, len);
    return forker_grpc_commit(req, len);
}

/* Fails with the code that metadata names, and details if there are some. */
static int fail(forker_request *req, void *user)
{
    size_t len;
    const char *code = forker_grpc_metadata(req, "code", NULL);
    const void *details = forker_grpc_metadata(req, "details-bin", &len);
    (void)user;
    if (details != NULL && forker_grpc_details(req, details, len) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return forker_grpc_fail(req, code != NULL ? atoi(code) : 0, forker_grpc_message(req, NULL));
}

/* Replies with a message that is sent along with its head, and as much metadata around it as there can be. */
static int most(forker_request *req, void *user)
{
    char value[1000], message[16000];
    (void)user;
    memset(value, '!', sizeof value); /* which HPACK cannot make shorter */
    memset(message, 'm', sizeof message);
    while (forker_grpc_metadata_add(req, "x-before", value, sizeof value) == FORKER_OK) {
    }
    while (forker_grpc_trailer_add(req, "x-behind", value, sizeof value) == FORKER_OK) {
    }
    return forker_grpc_message(req, NULL) != NULL && *(const char *)forker_grpc_message(req, NULL) == 'f'
               ? forker_grpc_fail(req, 9, "m")
               : forker_grpc_reply(req, message, sizeof message);
}

/* Sends the client's metadata back, before and behind the message. */
static int meta(forker_request *req, void *user)
{
    size_t text_len, bytes_len;
    const void *text = forker_grpc_metadata(req, "x-text", &text_len);
    const void *bytes = forker_grpc_metadata(req, "x-bytes-bin", &bytes_len);
    (void)user;
    if (text == NULL || bytes == NULL) {
        return forker_grpc_fail(req, 3, forker_request_error(req));
    }
    if (forker_grpc_metadata_add(req, "x-text", text, text_len) != FORKER_OK ||
        forker_grpc_metadata_add(req, "x-bytes-bin", bytes, bytes_len) != FORKER_OK ||
        forker_grpc_trailer_add(req, "x-last", text, text_len) != FORKER_OK ||
        forker_grpc_trailer_add(req, "x-last-bin", bytes, bytes_len) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return reply(req, "");
}

static char told[4096];

/* "<code>: <sentence>" of a call that has failed. */
static void note(forker_request *req, int code)
{
    size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "%d: %s\n", code, forker_request_error(req));
}

/* Lengths beyond what there is. */
static void note_lengths(forker_request *req)
{
    int first = forker_grpc_reply(req, "a", SIZE_MAX);
    int second = forker_grpc_reply(req, "a", (size_t)PTRDIFF_MAX - 5);
    int third = forker_grpc_reserve(req, SIZE_MAX) == NULL ? FORKER_E_LIMIT : 0;
    int fourth = forker_grpc_commit(req, SIZE_MAX);
    int fifth = forker_grpc_metadata_add(req, "x-a", "a", SIZE_MAX);
    int sixth = forker_grpc_metadata_add(req, "x-bin", "a", SIZE_MAX / 4 * 3 + 1);
    int seventh = forker_grpc_trailer_add(req, "x-bin", "a", (size_t)PTRDIFF_MAX - (size_t)1);
    int eighth = forker_grpc_details(req, "a", SIZE_MAX);
    int ninth = forker_grpc_details(req, "a", 1 << 20);
    snprintf(told + strlen(told), sizeof told - strlen(told), "lengths: %d %d %d %d %d %d %d %d %d\n", first, second,
             third, fourth, fifth, sixth, seventh, eighth, ninth);
}

/* What must not be done. */
static int wrong(forker_request *req, void *user)
{
    (void)user;
    told[0] = '\0';
    note(req, forker_grpc_metadata_add(req, "grpc-status", "0", 1));
    note(req, forker_grpc_metadata_add(req, "content-type", "0", 1));
    note(req, forker_grpc_metadata_add(req, "a b", "0", 1));
    note(req, forker_grpc_metadata_add(req, "text", "\n", 1));
    note(req, forker_grpc_metadata_add(req, NULL, "", 0));
    note(req, forker_grpc_trailer_add(req, "text", NULL, 1));
    note(req, forker_grpc_details(req, NULL, 1));
    note(req, forker_grpc_fail(req, 0, "fine"));
    note(req, forker_grpc_fail(req, 17, NULL));
    note(req, forker_grpc_commit(req, 1));
    note(req, forker_grpc_reply(req, NULL, 1));
    note_lengths(req);
    int code = reply(req, "wrong");
    note(req, forker_grpc_reply(req, "again", 5));
    note(req, forker_grpc_fail(req, 3, "again"));
    note(req, forker_grpc_trailer_add(req, "late", "0", 1));
    note(req, forker_grpc_reserve(req, 1) == NULL ? -3 : 0);
    return code;
}

/* Replies with more than option grpc_max_reply, and then with what it is told of that. */
static int over(forker_request *req, void *user)
{
    char bytes[2000] = "";
    (void)user;
    told[0] = '\0';
    note(req, forker_grpc_reply(req, bytes, sizeof bytes));
    note(req, forker_grpc_reserve(req, sizeof bytes) == NULL ? FORKER_E_LIMIT : 0);
    return reply(req, told);
}

/* The same through a handle. */
static int wrong_later(forker_request *req, void *user)
{
    forker_deferred handle;
    char first[128], second[128], text[300];
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_grpc_send(handle, NULL, 1) != FORKER_E_INVALID ||
        forker_deferred_error(handle, first, sizeof first) != FORKER_OK ||
        forker_grpc_finish(handle, 17, NULL) != FORKER_E_INVALID ||
        forker_deferred_error(handle, second, sizeof second) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    snprintf(text, sizeof text, "%s; %s", first, second);
    reply(req, text);
    forker_deferred_send(handle);
    return FORKER_DEFERRED;
}

static int tell_wrong(forker_request *req, void *user)
{
    (void)user;
    return reply(req, told);
}

/* Replies after its deadline, and keeps what it is told then. */
static int late(forker_request *req, void *user)
{
    (void)user;
    told[0] = '\0';
    while (forker_grpc_remaining(req) > 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    int code = reply(req, "late");
    note(req, code);
    return code;
}

static int remaining(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    int64_t left = forker_grpc_remaining(req);
    snprintf(text, sizeof text, "%lld", (long long)(left == INT64_MAX ? -1 : left));
    return reply(req, text);
}

/* Returns what `user` points to. */
static int give(forker_request *req, void *user)
{
    (void)req;
    return *(const int *)user;
}

static void *answer_later(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    forker_request *req = forker_deferred_request(handle);
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    if (forker_grpc_reply(req, message, len) != FORKER_OK || forker_deferred_send(handle) != FORKER_OK) {
        tell("answer_later failed\n");
    }
    return NULL;
}

static int later(forker_request *req, void *user)
{
    forker_deferred handle;
    pthread_t thread;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        pthread_create(&thread, NULL, answer_later, (void *)(uintptr_t)handle) != 0) {
        return FORKER_E_INTERNAL;
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void tell_close(forker_deferred handle, int reason, void *user)
{
    char line[64];
    (void)user;
    snprintf(line, sizeof line, "closed %d\n", reason);
    tell(line);
    forker_deferred_drop(handle);
}

static int never(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_deferred_on_close(handle, tell_close, NULL)) {
        return FORKER_E_INTERNAL;
    }
    tell("never\n");
    return FORKER_DEFERRED;
}

#endif
