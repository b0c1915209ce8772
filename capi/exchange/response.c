/*
 * Response functions. They only collect: the engine adds status line, Date and framing after the handler has returned.
 */
#include "exchange/response.h"

#include <inttypes.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/block.h"
#include "exchange/exchange.h"
#include "exchange/field.h"

enum { STATUS_LEAST = 200, STATUS_MOST = 599, ERROR_LEAST = 400, STATUS_NOT_MODIFIED = 304 };

/* What describes the content that an error takes the place of (RFC 9110 sections 8 and 14.4). */
static const char *const of_content[] = {"Content-Type",     "Content-Encoding", "Content-Language",
                                         "Content-Location", "Content-Range",    "ETag",
                                         "Last-Modified"};

static bool is_status(int status)
{
    return status >= STATUS_LEAST && status <= STATUS_MOST;
}

int fk_response_open(forker_request *req, fk_failure *failure, const char *verb)
{
    if (req->response.state == FK_RESPONSE_HEAD) {
        return fk_fail(failure, FORKER_E_STATE, "%s: only fields can be set when the head is about to be sent", verb);
    }
    if (req->response.state == FK_RESPONSE_WHOLE) {
        return fk_fail(failure, FORKER_E_STATE, "%s: the request is answered already", verb);
    }
    if (req->response.state == FK_RESPONSE_UNDUE) {
        return fk_fail(failure, FORKER_E_STATE, "%s: an on_origin function says 1 or 0, and answers nothing", verb);
    }
    return FORKER_OK;
}

int fk_response_unwritten(forker_request *req, fk_failure *failure, const char *verb)
{
    int code = fk_response_open(req, failure, verb);
    if (code == FORKER_OK && (req->response.body.len > 0 || req->response.parts.len > 0)) {
        code = fk_fail(failure, FORKER_E_STATE, "%s: some of a body is written already", verb);
    }
    return code;
}

int fk_response_room(forker_request *req, const char *verb, uint64_t more)
{
    const fk_response *response = &req->response;
    uint64_t written = response->body.len + response->extra;
    if (!fk_body_has_room(response, more)) {
        return fk_fail(&req->failure, FORKER_E_LIMIT, "%s: the body would have more than 2^63 - 1 bytes", verb);
    }
    if ((response->flags & FK_RESPONSE_LENGTH) != 0 && written + more > (uint64_t)response->length) {
        return fk_fail(&req->failure, FORKER_E_LIMIT,
                       "%s: the body would have %" PRIu64 " bytes, but its length was set to %" PRId64, verb,
                       written + more, response->length);
    }
    return FORKER_OK;
}

static bool is_head(const forker_request *req)
{
    return req->head.method.len == 4 && memcmp(req->base + req->head.method.off, "HEAD", 4) == 0;
}

/* fk_response_fits() of a response that has this status, and so many bytes written. */
static int check_length(const forker_request *req, fk_failure *failure, const char *verb, int status, uint64_t written)
{
    const fk_response *response = &req->response;
    bool without = written == 0 && (is_head(req) || status == STATUS_NOT_MODIFIED);
    if ((response->flags & FK_RESPONSE_LENGTH) == 0 || written == (uint64_t)response->length || without) {
        return FORKER_OK;
    }
    return fk_fail(failure, FORKER_E_STATE, "%s: the body has %" PRIu64 " bytes, but its length was set to %" PRId64,
                   verb, written, response->length);
}

int fk_response_fits(const forker_request *req, fk_failure *failure, const char *verb)
{
    const fk_response *response = &req->response;
    return check_length(req, failure, verb, response->status, response->body.len + response->extra);
}

/* What a program wants to send. */
typedef struct {
    const char *name, *value;
    bool replace; /* fields of that name */
} setting;

static int set_field(forker_request *req, fk_failure *failure, const char *verb, const setting *field)
{
    const char *name = field->name;
    fk_field_size size;
    if (name == NULL || field->value == NULL) {
        return fk_fail(failure, FORKER_E_INVALID, "%s: the name or the value is NULL", verb);
    }
    const char *fault = fk_field_fault(name, field->value, &size);
    if (fault != NULL) {
        return fk_fail(failure, FORKER_E_INVALID, "%s %s: %s", verb, name, fault);
    }
    fk_response *response = &req->response;
    int code = response->state != FK_RESPONSE_HEAD ? fk_response_open(req, failure, verb) : FORKER_OK;
    if (code != FORKER_OK) {
        return code;
    }
    if (fk_ascii_equal(name, "Connection")) {
        response->flags |= FK_RESPONSE_CLOSE;
        return FORKER_OK;
    }
    if (field->replace) {
        fk_field_remove(&response->fields, name);
    }
    code = fk_field_append(&response->fields, name, field->value, size);
    if (code != FORKER_OK) {
        return fk_fail(failure, code, "%s %s: %s", verb, name, fk_field_append_fault(code));
    }
    response->flags |= (uint8_t)(fk_ascii_equal(name, "Date") ? FK_RESPONSE_HAS_DATE : 0);
    response->flags |= (uint8_t)(fk_ascii_equal(name, "Server") ? FK_RESPONSE_HAS_SERVER : 0);
    response->flags |= (uint8_t)(fk_ascii_equal(name, "Trailer") ? FK_RESPONSE_ANNOUNCES : 0);
    if (response->state != FK_RESPONSE_HEAD) {
        response->state = FK_RESPONSE_STARTED;
    }
    return FORKER_OK;
}

int fk_response_set(forker_request *req, fk_failure *failure, const char *verb, const char *name, const char *value)
{
    return set_field(req, failure, verb, &(setting){name, value, true});
}

int fk_response_add(forker_request *req, fk_failure *failure, const char *verb, const char *name, const char *value)
{
    return set_field(req, failure, verb, &(setting){name, value, false});
}

int forker_response_header_set(forker_request *req, const char *name, const char *value)
{
    return req != NULL ? fk_response_set(req, &req->failure, "header_set", name, value) : FORKER_E_INVALID;
}

int forker_response_header_add(forker_request *req, const char *name, const char *value)
{
    return req != NULL ? fk_response_add(req, &req->failure, "header_add", name, value) : FORKER_E_INVALID;
}

static int refuse_status(fk_failure *failure, const char *verb, int status)
{
    return fk_fail(failure, FORKER_E_INVALID, "%s: status %d is not within 200 to 599", verb, status);
}

int fk_response_status(forker_request *req, const char *verb, int status)
{
    if (!is_status(status)) {
        return refuse_status(&req->failure, verb, status);
    }
    int code = fk_response_open(req, &req->failure, verb);
    if (code == FORKER_OK) {
        req->response.status = (uint16_t)status;
        req->response.state = FK_RESPONSE_STARTED;
    }
    return code;
}

int forker_response_status(forker_request *req, int status)
{
    return req != NULL ? fk_response_status(req, "status", status) : FORKER_E_INVALID;
}

int forker_response_length(forker_request *req, int64_t length)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    fk_response *response = &req->response;
    uint64_t written = response->body.len + response->extra;
    if (length < 0) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "length: a body has no length of %" PRId64, length);
    }
    if (written > (uint64_t)length) {
        return fk_fail(&req->failure, FORKER_E_LIMIT, "length: %" PRIu64 " bytes are written already, not %" PRId64,
                       written, length);
    }
    int code = fk_response_open(req, &req->failure, "length");
    if (code == FORKER_OK) {
        response->length = length;
        response->flags |= FK_RESPONSE_LENGTH;
        response->state = FK_RESPONSE_STARTED;
    }
    return code;
}

int forker_response_write(forker_request *req, const void *data, size_t len)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!fk_is_object(data, len)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "write: there are no %zu bytes at %p", len, data);
    }
    int code = fk_response_open(req, &req->failure, "write");
    if (code == FORKER_OK) {
        code = fk_response_room(req, "write", len);
    }
    if (code != FORKER_OK) {
        return code;
    }
    if (!fk_block_append(&req->response.body, data, len)) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "write: no memory for %zu bytes", len);
    }
    req->response.state = FK_RESPONSE_STARTED;
    return FORKER_OK;
}

int forker_response_reset(forker_request *req)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    fk_response *response = &req->response;
    if (response->parts.len > 0) {
        return fk_fail(&req->failure, FORKER_E_STATE, "reset: bytes were lent, or a file was appended");
    }
    int code = fk_response_open(req, &req->failure, "reset");
    if (code == FORKER_OK) {
        response->fields.len = response->body.len = response->trailers.len = 0;
        response->status = 0;
        response->flags = 0;
        response->state = FK_RESPONSE_NONE;
    }
    return code;
}

/* Replaces the Content-Type, unless it is NULL. */
static int set_type(forker_request *req, fk_failure *failure, const char *verb, const char *content_type)
{
    static const char name[] = "Content-Type";
    fk_field_size size = {sizeof name - 1, 0};
    if (content_type == NULL) {
        return FORKER_OK;
    }
    const char *fault = fk_field_value_fault(content_type, &size.value);
    if (fault != NULL) {
        return fk_fail(failure, FORKER_E_INVALID, "%s: content_type: %s", verb, fault);
    }
    if (req->response.fields.len > 0) {
        fk_field_remove(&req->response.fields, name);
    }
    int code = fk_field_append(&req->response.fields, name, content_type, size);
    return code == FORKER_OK ? code : fk_fail(failure, code, "%s: content_type: %s", verb, fk_field_append_fault(code));
}

int fk_respond(forker_request *req, fk_failure *failure, const char *verb, const fk_text_response *response)
{
    size_t len = response->len;
    if (!is_status(response->status)) {
        return refuse_status(failure, verb, response->status);
    }
    if (!fk_is_object(response->body, len)) {
        return fk_fail(failure, FORKER_E_INVALID, "%s: there are no %zu bytes at %p", verb, len, response->body);
    }
    int code = fk_response_unwritten(req, failure, verb);
    if (code == FORKER_OK) {
        code = check_length(req, failure, verb, response->status, len);
    }
    if (code == FORKER_OK) {
        code = set_type(req, failure, verb, response->content_type);
    }
    if (code != FORKER_OK) {
        return code;
    }
    if (!fk_block_append(&req->response.body, response->body, len)) {
        return fk_fail(failure, FORKER_E_MEMORY, "%s: no memory for %zu bytes", verb, len);
    }
    req->response.status = (uint16_t)response->status;
    req->response.state = FK_RESPONSE_WHOLE;
    return FORKER_OK;
}

int forker_respond(forker_request *req, int status, const char *content_type, const void *body, size_t len)
{
    return req != NULL ? fk_respond(req, &req->failure, "respond", &(fk_text_response){status, content_type, body, len})
                       : FORKER_E_INVALID;
}

int forker_respond_error(forker_request *req, int status, const char *detail)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (status < ERROR_LEAST || status > STATUS_MOST) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "respond_error: status %d is not within 400 to 599", status);
    }
    int code = fk_response_open(req, &req->failure, "respond_error");
    if (code != FORKER_OK) {
        return code;
    }
    fk_response *response = &req->response;
    response->body.len = 0;
    if (detail != NULL && !fk_block_append(&response->body, detail, strlen(detail))) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "respond_error: no memory for the detail");
    }
    for (size_t i = 0; response->fields.len > 0 && i < sizeof of_content / sizeof *of_content; i++) {
        fk_field_remove(&response->fields, of_content[i]);
    }
    response->status = (uint16_t)status;
    response->state = FK_RESPONSE_WHOLE;
    response->flags = (uint8_t)((response->flags & ~FK_RESPONSE_LENGTH) | FK_RESPONSE_ERROR);
    return FORKER_OK;
}
