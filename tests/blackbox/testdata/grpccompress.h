/* Handlers of grpc.c that say by themselves what is compressed. */
#ifndef GRPCCOMPRESS_H
#define GRPCCOMPRESS_H

#include "grpcstream.h"

/* What forker_grpc_compress() is called with for a letter. */
static int wish_of(char letter)
{
    return letter == '1' ? 1 : letter == '0' ? 0 : letter == '-' ? -1 : 2;
}

/*
 * Calls forker_grpc_compress() for each letter of metadata, and replies with the message, and whether it came compressed as
 * metadata; or with what it is told of a call that fails. If `user` is set it replies by a handle.
 */
static int wish(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    const char *letters = forker_grpc_metadata(req, "wish", NULL);
    forker_deferred handle;
    forker_grpc_metadata_add(req, "x-came", forker_grpc_compressed(req) ? "1" : "0", 1);
    if (user != NULL && forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    for (; letters != NULL && *letters != '\0'; letters++) {
        if (forker_grpc_compress(req, wish_of(*letters)) != FORKER_OK) {
            message = forker_request_error(req);
            len = strlen(message);
            break;
        }
    }
    int code = forker_grpc_reply(req, message, len);
    if (user == NULL || code != FORKER_OK) {
        return code;
    }
    return forker_deferred_send(handle) == FORKER_OK ? FORKER_DEFERRED : FORKER_E_INTERNAL;
}

/* Sends the rest of each message back, behind "z" if it came compressed and else "p", and as its first letter says. */
static int wish_back(forker_request *req, const void *data, size_t len, int last, void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    char *text = calloc(1, len + 256);
    if (last > 0) {
        forker_grpc_finish(handle, 0, NULL);
    }
    if (last == 0) {
        text[0] = forker_grpc_compressed(req) ? 'z' : 'p';
        memcpy(text + 1, (const char *)data + 1, len - 1);
        if (forker_grpc_compress(req, wish_of(*(const char *)data)) != FORKER_OK) {
            len = (size_t)snprintf(text, 256, "%s", forker_request_error(req));
        }
        forker_grpc_send(handle, text, len);
    }
    free(text);
    return FORKER_OK;
}

static int wish_chat(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, use_up, NULL) != FORKER_OK ||
        forker_grpc_on_message(req, wish_back, (void *)(uintptr_t)handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

#endif
