/* Messages of gRPC calls, one by one: those of the client, and those that go out through the handle of the request. */
#include <string.h>

#include "exchange/block.h"
#include "exchange/call.h"
#include "exchange/deferred.h"
#include "exchange/response.h"
#include "exchange/stream.h"

static uint8_t kind_of(const forker_request *req)
{
    return req->server->routing.routes[req->route].grpc;
}

static bool takes_many(const forker_request *req)
{
    return kind_of(req) == FORKER_GRPC_CLIENT_STREAM + 1 || kind_of(req) == FORKER_GRPC_BIDI + 1;
}

static bool gives_many(const forker_request *req)
{
    return kind_of(req) == FORKER_GRPC_SERVER_STREAM + 1 || kind_of(req) == FORKER_GRPC_BIDI + 1;
}

int forker_grpc_on_message(forker_request *req, forker_body_fn on_message, void *user)
{
    static const char verb[] = "grpc_on_message";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    int code = fk_call_check(req, &req->failure, verb);
    if (code == FORKER_OK && !takes_many(req)) {
        code =
            fk_fail(&req->failure, FORKER_E_STATE, "%s: the method takes one message, see forker_grpc_message()", verb);
    }
    if (code == FORKER_OK) {
        code = forker_request_on_body(req, on_message, user);
    }
    if (code == FORKER_OK) {
        req->call.on_message = 1;
    }
    return code;
}

/* Locks the entry of a call that goes on. NULL: *code_out says why not. */
static fk_deferred *lock_call(forker_deferred handle, const char *verb, int *code_out)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        *code_out = fk_deferred_over();
        return NULL;
    }
    if (deferred->closed) { /* then the request is no call any more */
        *code_out =
            fk_fail(&deferred->failure, FORKER_E_ABORTED, "%s: the client has left, or the deadline has passed", verb);
    } else if (!deferred->req->call.is) {
        *code_out = fk_fail(&deferred->failure, FORKER_E_STATE, "%s: the request is not a gRPC call", verb);
    } else if (deferred->state != FK_DEFERRED_STREAM) {
        *code_out = fk_response_unwritten(deferred->req, &deferred->failure, verb);
    } else {
        *code_out =
            deferred->req->response.grpc == FK_GRPC_STREAM
                ? FORKER_OK
                : fk_fail(&deferred->failure, FORKER_E_STATE, "%s: a stream has begun that is not of messages", verb);
    }
    return deferred;
}

/* Has the response begin. With the entry's lock. */
static int begin(fk_deferred *deferred, const char *verb)
{
    int code = fk_stream_open(deferred, verb, -1);
    if (code == FORKER_OK) {
        deferred->req->response.grpc = FK_GRPC_STREAM;
        deferred->req->response.status = 200;
    }
    return code;
}

int forker_grpc_begin(forker_deferred handle)
{
    static const char verb[] = "grpc_begin";
    int code;
    fk_deferred *deferred = lock_call(handle, verb, &code);
    if (deferred == NULL) {
        return code;
    }
    if (code == FORKER_OK && deferred->state != FK_DEFERRED_STREAM) {
        code = begin(deferred, verb);
    }
    if (code != FORKER_OK) {
        return fk_deferred_unlock(deferred, code);
    }
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

/* Appends a message to what waits. One that is larger than all that may wait goes alone. With the entry's lock. */
static int append(fk_deferred *deferred, const char *verb, const void *message, size_t len)
{
    uint64_t most = (uint64_t)fk_server_option(deferred->req->server, FK_OPTION_STREAM_BUFFER);
    uint64_t waiting = deferred->pending.len + deferred->sending.len;
    if (waiting > 0 && waiting + FK_GRPC_PREFIX + len > most) {
        deferred->wants_drain = true;
        return FORKER_E_AGAIN; /* no mistake: on_drain follows */
    }
    if (!fk_block_reserve(&deferred->pending, FK_GRPC_PREFIX + (uint64_t)len)) {
        return fk_fail(&deferred->failure, FORKER_E_MEMORY, "%s: no memory for %zu bytes", verb, len);
    }
    char prefix[FK_GRPC_PREFIX];
    fk_call_write_prefix(prefix, len);
    prefix[0] = (char)fk_call_wish(deferred->req);
    (void)fk_block_append(&deferred->pending, prefix, sizeof prefix);
    (void)fk_block_append(&deferred->pending, message, len);
    deferred->req->call.sent = 1;
    return FORKER_OK;
}

int forker_grpc_send(forker_deferred handle, const void *message, size_t len)
{
    static const char verb[] = "grpc_send";
    int code;
    if (message == NULL && len > 0) {
        return fk_deferred_refuse(handle, verb, FORKER_E_INVALID, "the message is NULL");
    }
    fk_deferred *deferred = lock_call(handle, verb, &code);
    if (deferred == NULL) {
        return code;
    }
    if (code == FORKER_OK) {
        code = fk_call_check_message(deferred->req, &deferred->failure, verb, (fk_call_message){message, len});
    }
    if (code == FORKER_OK && deferred->state != FK_DEFERRED_STREAM) {
        code = begin(deferred, verb);
    }
    if (code == FORKER_OK) {
        code = append(deferred, verb, message, len);
    }
    if (code != FORKER_OK) {
        return fk_deferred_unlock(deferred, code);
    }
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

/* Makes the status of a call that goes on the end of it. With the entry's lock. */
static int end(fk_deferred *deferred, const char *verb, int code, const char *text)
{
    forker_request *req = deferred->req;
    bool begun = deferred->state == FK_DEFERRED_STREAM;
    if (!req->call.sent && code == 0 && !gives_many(req)) {
        return fk_fail(&deferred->failure, FORKER_E_STATE, "%s: the method gives one message, and none was sent", verb);
    }
    int result = fk_call_set_status(req, &deferred->failure, verb, code, text);
    if (result == FORKER_OK && !begun) {
        req->response.grpc = FK_GRPC_STATUS;
        req->response.status = 200;
        req->response.state = FK_RESPONSE_WHOLE;
    }
    return result;
}

int forker_grpc_finish(forker_deferred handle, int code, const char *text)
{
    static const char verb[] = "grpc_finish";
    int result;
    if (code < 0 || code > FK_GRPC_CODE_MOST) {
        return fk_deferred_refuse(handle, verb, FORKER_E_INVALID, "the code is not within 0 to 16");
    }
    fk_deferred *deferred = lock_call(handle, verb, &result);
    if (deferred == NULL) {
        return result;
    }
    bool begun = deferred->state == FK_DEFERRED_STREAM;
    if (result == FORKER_OK) {
        result = end(deferred, verb, code, text);
    }
    if (result == FORKER_OK || deferred->closed) {
        return fk_deferred_end(deferred, begun ? FK_EVENT_STREAM : FK_EVENT_ANSWER);
    }
    return fk_deferred_unlock(deferred, result);
}
