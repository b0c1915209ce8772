/*
 * Calls of gRPC: the message of one that has a single one, and its reply. As with other responses, functions here only
 * collect: what goes around a message on the wire is written by the engine.
 */
#include "exchange/call.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "exchange/block.h"
#include "exchange/response.h"

int fk_call_check(const forker_request *req, fk_failure *failure, const char *verb)
{
    if (!req->call.is) {
        return fk_fail(failure, FORKER_E_STATE, "%s: the request is not a gRPC call", verb);
    }
    if (req->call.deadline_ns != 0 && fk_clock() >= req->call.deadline_ns) {
        return fk_fail(failure, FORKER_E_ABORTED, "%s: the deadline of the call has passed", verb);
    }
    return FORKER_OK;
}

static int check_size(const forker_request *req, fk_failure *failure, const char *verb, size_t len)
{
    uint64_t most = (uint64_t)fk_server_call_option(req->server, req->route, FK_OPTION_GRPC_MAX_REPLY);
    if (len > UINT32_MAX) {
        return fk_fail(failure, FORKER_E_LIMIT, "%s: a message has less than 4 GiB, not %zu bytes", verb, len);
    }
    if (len > most) {
        return fk_fail(failure, FORKER_E_LIMIT, "%s: %zu bytes are more than option grpc_max_reply, %" PRIu64, verb,
                       len, most);
    }
    return FORKER_OK;
}

int fk_call_check_message(const forker_request *req, fk_failure *failure, const char *verb, fk_call_message message)
{
    if (!fk_is_object(message.data, message.len)) {
        return fk_fail(failure, FORKER_E_INVALID, "%s: there are no %zu bytes at %p", verb, message.len, message.data);
    }
    return check_size(req, failure, verb, message.len);
}

void fk_call_write_prefix(char *out, size_t len)
{
    out[0] = 0;
    for (int i = 4; i > 0; i--, len >>= 8) {
        out[i] = (char)(len & 0xff);
    }
}

/* Whether the response to a call names an encoding, as the engine sees it too. */
static bool is_encoded(const forker_request *req)
{
    return req->call.encodes || fk_server_call_option(req->server, req->route, FK_OPTION_GRPC_COMPRESS) > 0;
}

uint8_t fk_call_wish(const forker_request *req)
{
    return req->call.wish != FK_WISH_NONE && req->call.takes && is_encoded(req) ? req->call.wish : FK_WISH_NONE;
}

int forker_grpc_compress(forker_request *req, int on)
{
    static const char verb[] = "grpc_compress";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (on < -1 || on > 1) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: %d is none of 1, 0 and -1", verb, on);
    }
    bool begun = (req->response.flags & FK_RESPONSE_STREAM) != 0;
    int code = fk_call_check(req, &req->failure, verb);
    if (code == FORKER_OK && !begun) {
        code = fk_response_open(req, &req->failure, verb);
    }
    if (code == FORKER_OK && begun && on > 0 && !is_encoded(req)) {
        code = fk_fail(&req->failure, FORKER_E_STATE,
                       "%s: the response has begun, and has not said that messages may be compressed", verb);
    }
    if (code != FORKER_OK) {
        return code;
    }
    req->call.wish = on > 0 ? FK_WISH_COMPRESSED : on == 0 ? FK_WISH_PLAIN : FK_WISH_NONE;
    if (on > 0 && !begun) { /* once it has begun the engine reads this */
        req->call.encodes = 1;
    }
    return FORKER_OK;
}

int forker_grpc_compressed(forker_request *req)
{
    return req != NULL && req->call.compressed;
}

const void *forker_grpc_message(forker_request *req, size_t *len_out)
{
    const char *message = req != NULL ? req->call.message : NULL;
    if (len_out != NULL) {
        *len_out = message != NULL ? (size_t)req->call.len : 0;
    }
    return message;
}

int64_t forker_grpc_remaining(forker_request *req)
{
    if (req == NULL) {
        return 0;
    }
    uint64_t deadline = req->call.deadline_ns, now = deadline != 0 ? fk_clock() : 0;
    return deadline == 0 ? INT64_MAX : deadline > now ? (int64_t)(deadline - now) : 0;
}

/* Fails if the call cannot be replied to now. */
static int check_open(forker_request *req, const char *verb)
{
    int code = fk_call_check(req, &req->failure, verb);
    return code == FORKER_OK ? fk_response_unwritten(req, &req->failure, verb) : code;
}

static void reply_whole(forker_request *req, size_t len)
{
    fk_response *response = &req->response;
    fk_call_write_prefix(response->body.data, len);
    response->body.len = FK_GRPC_PREFIX + len;
    response->grpc = FK_GRPC_MESSAGE;
    response->code = 0;
    response->status = 200;
    response->state = FK_RESPONSE_WHOLE;
}

int forker_grpc_reply(forker_request *req, const void *message, size_t len)
{
    static const char verb[] = "grpc_reply";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    int code = fk_call_check_message(req, &req->failure, verb, (fk_call_message){message, len});
    if (code == FORKER_OK) {
        code = check_open(req, verb);
    }
    if (code != FORKER_OK) {
        return code;
    }
    if (!fk_block_reserve(&req->response.body, FK_GRPC_PREFIX + (uint64_t)len)) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "%s: no memory for %zu bytes", verb, len);
    }
    if (len > 0) { /* message may be NULL */
        memcpy(req->response.body.data + FK_GRPC_PREFIX, message, len);
    }
    reply_whole(req, len);
    return FORKER_OK;
}

void *forker_grpc_reserve(forker_request *req, size_t len)
{
    static const char verb[] = "grpc_reserve";
    if (req == NULL || check_open(req, verb) != FORKER_OK || check_size(req, &req->failure, verb, len) != FORKER_OK) {
        return NULL;
    }
    if (!fk_block_reserve(&req->response.body, FK_GRPC_PREFIX + (uint64_t)len)) {
        (void)fk_fail(&req->failure, FORKER_E_MEMORY, "%s: no memory for %zu bytes", verb, len);
        return NULL;
    }
    req->call.reserved = (uint64_t)len + 1;
    return req->response.body.data + FK_GRPC_PREFIX;
}

int forker_grpc_commit(forker_request *req, size_t len)
{
    static const char verb[] = "grpc_commit";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (req->call.reserved == 0) {
        return fk_fail(&req->failure, FORKER_E_STATE, "%s: nothing is reserved", verb);
    }
    if (len >= req->call.reserved) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: %zu bytes, where %zu are reserved", verb, len,
                       (size_t)req->call.reserved - 1);
    }
    int code = check_open(req, verb);
    if (code == FORKER_OK) {
        req->call.reserved = 0;
        reply_whole(req, len);
    }
    return code;
}

int fk_call_set_status(forker_request *req, fk_failure *failure, const char *verb, int code, const char *text)
{
    fk_response *response = &req->response;
    uint64_t before = response->body.len;
    response->body.len = 0;
    if (text != NULL && !fk_block_append(&response->body, text, strlen(text))) {
        response->body.len = before;
        return fk_fail(failure, FORKER_E_MEMORY, "%s: no memory for the text", verb);
    }
    response->code = (uint8_t)code;
    return FORKER_OK;
}

int forker_grpc_fail(forker_request *req, int code, const char *text)
{
    static const char verb[] = "grpc_fail";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (code <= 0 || code > FK_GRPC_CODE_MOST) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: code %d is not within 1 to 16", verb, code);
    }
    int result = check_open(req, verb);
    if (result == FORKER_OK) {
        result = fk_call_set_status(req, &req->failure, verb, code, text);
    }
    if (result == FORKER_OK) {
        req->response.grpc = FK_GRPC_STATUS;
        req->response.status = 200;
        req->response.state = FK_RESPONSE_WHOLE;
    }
    return result;
}
