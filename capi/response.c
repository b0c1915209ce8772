/*
 * Response functions. They only collect: the engine adds status line, Date and framing after the handler has returned.
 * Fields are kept as the lines that will be sent, and checked when they are set, so that no text can split an answer.
 */
#include <string.h>

#include "ascii.h"
#include "block.h"
#include "exchange.h"
#include "response.h"

enum { FIELDS_MAX_BYTES = 64 * 1024, STATUS_LEAST = 200, STATUS_MOST = 599, ERROR_LEAST = 400 };

#define NOT_A_VALUE SIZE_MAX

/* What the library keeps for itself, by name. */
static const char *const reserved_names[] = {"Content-Length", "Transfer-Encoding", "Trailer", "Upgrade", "Keep-Alive"};

static bool is_status(int status)
{
    return status >= STATUS_LEAST && status <= STATUS_MOST;
}

/* RFC 9110 section 5.1: a field name is a token. Returns its length; 0: it is none. */
static size_t name_len(const char *name)
{
    size_t len = 0;
    for (; name[len] != '\0'; len++) {
        if (!fk_ascii_is_token(name[len])) {
            return 0;
        }
    }
    return len;
}

/*
 * RFC 9110 section 5.5: visible characters, space, tab and bytes above 127. Returns the length; NOT_A_VALUE: there are
 * others.
 */
static size_t value_len(const char *value)
{
    size_t len = 0;
    for (; value[len] != '\0'; len++) {
        unsigned char c = (unsigned char)value[len];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return NOT_A_VALUE;
        }
    }
    return len;
}

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof reserved_names / sizeof *reserved_names; i++) {
        if (fk_ascii_equal(name, reserved_names[i])) {
            return true;
        }
    }
    return false;
}

/* fk_response_line() of texts that are checked. */
static int append_line(fk_block *lines, const char *name, size_t name_size, const char *value, size_t value_size)
{
    if (value_size > FIELDS_MAX_BYTES || name_size > FIELDS_MAX_BYTES) {
        return FORKER_E_LIMIT;
    }
    size_t size = name_size + value_size + strlen(": \r\n");
    if (lines->len + size > FIELDS_MAX_BYTES) {
        return FORKER_E_LIMIT;
    }
    if (!fk_block_reserve(lines, size)) {
        return FORKER_E_MEMORY;
    }
    char *p = lines->data + lines->len;
    memcpy(p, name, name_size);
    memcpy(p + name_size, ": ", 2);
    memcpy(p + name_size + 2, value, value_size);
    memcpy(p + name_size + 2 + value_size, "\r\n", 2);
    lines->len += size;
    return FORKER_OK;
}

int fk_response_line(fk_block *lines, const char *name, const char *value)
{
    size_t name_size = name_len(name), value_size = value_len(value);
    if (name_size == 0 || value_size == NOT_A_VALUE || is_reserved(name)) {
        return FORKER_E_INVALID;
    }
    return append_line(lines, name, name_size, value, value_size);
}

/*
 * RFC 9110 section 6.5.1: what decides about framing, routing, content and authentication has no place in a trailer
 * section.
 */
int fk_response_trailer(forker_request *req, const char *name, const char *value)
{
    static const char *const refused[] = {"Content-Type", "Content-Encoding", "Content-Range",
                                          "Connection",   "Set-Cookie",       "Cache-Control",
                                          "Location",     "WWW-Authenticate", "Host"};
    if (name == NULL || value == NULL) {
        return FORKER_E_INVALID;
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (fk_ascii_equal(name, refused[i])) {
            return FORKER_E_INVALID;
        }
    }
    return fk_response_line(&req->answer.trailers, name, value);
}

/* Whether a line of answer.fields has the name. */
static bool line_is(const char *line, const char *name, size_t name_size)
{
    return fk_ascii_same(line, name, name_size) && line[name_size] == ':';
}

static void remove_fields(fk_block *fields, const char *name)
{
    size_t name_size = strlen(name);
    uint64_t kept = 0;
    for (uint64_t at = 0; at < fields->len;) {
        char *line = fields->data + at;
        uint64_t size = (uint64_t)((char *)memchr(line, '\n', (size_t)(fields->len - at)) - line) + 1;
        if (size <= name_size || !line_is(line, name, name_size)) {
            memmove(fields->data + kept, line, (size_t)size);
            kept += size;
        }
        at += size;
    }
    fields->len = kept;
}

static int set_field(forker_request *req, const char *name, const char *value, bool replace)
{
    if (req == NULL || name == NULL || value == NULL) {
        return FORKER_E_INVALID;
    }
    size_t name_size = name_len(name), value_size = value_len(value);
    if (name_size == 0 || value_size == NOT_A_VALUE || is_reserved(name)) {
        return FORKER_E_INVALID;
    }
    fk_answer *answer = &req->answer;
    if (answer->state == FK_ANSWER_WHOLE) {
        return FORKER_E_STATE;
    }
    if (fk_ascii_equal(name, "Connection")) {
        if (!fk_ascii_equal(value, "close")) {
            return FORKER_E_INVALID;
        }
        answer->flags |= FK_ANSWER_CLOSE;
        return FORKER_OK;
    }
    if (replace) {
        remove_fields(&answer->fields, name);
    }
    int code = append_line(&answer->fields, name, name_size, value, value_size);
    if (code == FORKER_OK) {
        answer->flags |= (uint8_t)(fk_ascii_equal(name, "Date") ? FK_ANSWER_HAS_DATE : 0);
        answer->flags |= (uint8_t)(fk_ascii_equal(name, "Server") ? FK_ANSWER_HAS_SERVER : 0);
        answer->state = FK_ANSWER_STARTED;
    }
    return code;
}

int forker_response_header_set(forker_request *req, const char *name, const char *value)
{
    return set_field(req, name, value, true);
}

int forker_response_header_add(forker_request *req, const char *name, const char *value)
{
    return set_field(req, name, value, false);
}

int forker_response_status(forker_request *req, int status)
{
    if (req == NULL || !is_status(status)) {
        return FORKER_E_INVALID;
    }
    if (req->answer.state == FK_ANSWER_WHOLE) {
        return FORKER_E_STATE;
    }
    req->answer.status = (uint16_t)status;
    req->answer.state = FK_ANSWER_STARTED;
    return FORKER_OK;
}

int forker_response_write(forker_request *req, const void *data, size_t len)
{
    if (req == NULL || !fk_is_object(data, len)) {
        return FORKER_E_INVALID;
    }
    if (req->answer.state == FK_ANSWER_WHOLE) {
        return FORKER_E_STATE;
    }
    if (!fk_body_has_room(&req->answer, len)) {
        return FORKER_E_LIMIT;
    }
    if (!fk_block_append(&req->answer.body, data, len)) {
        return FORKER_E_MEMORY;
    }
    req->answer.state = FK_ANSWER_STARTED;
    return FORKER_OK;
}

int forker_response_reset(forker_request *req)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    fk_answer *answer = &req->answer;
    if (answer->state == FK_ANSWER_WHOLE || answer->parts.len > 0) {
        return FORKER_E_STATE;
    }
    answer->fields.len = answer->body.len = 0;
    answer->status = 0;
    answer->flags = 0;
    answer->state = FK_ANSWER_NONE;
    return FORKER_OK;
}

int forker_respond(forker_request *req, int status, const char *content_type, const void *body, size_t len)
{
    static const char type_name[] = "Content-Type";
    size_t type_size = content_type != NULL ? value_len(content_type) : 0;
    if (req == NULL || !is_status(status) || !fk_is_object(body, len) || type_size == NOT_A_VALUE) {
        return FORKER_E_INVALID;
    }
    fk_answer *answer = &req->answer;
    if (answer->state == FK_ANSWER_WHOLE || answer->body.len > 0 || answer->parts.len > 0) {
        return FORKER_E_STATE;
    }
    if (content_type != NULL) {
        if (answer->fields.len > 0) {
            remove_fields(&answer->fields, type_name);
        }
        int code = append_line(&answer->fields, type_name, strlen(type_name), content_type, type_size);
        if (code != FORKER_OK) {
            return code;
        }
    }
    if (!fk_block_append(&answer->body, body, len)) {
        return FORKER_E_MEMORY;
    }
    answer->status = (uint16_t)status;
    answer->state = FK_ANSWER_WHOLE;
    return FORKER_OK;
}

int forker_respond_error(forker_request *req, int status, const char *detail)
{
    if (req == NULL || status < ERROR_LEAST || status > STATUS_MOST) {
        return FORKER_E_INVALID;
    }
    if (req->answer.state == FK_ANSWER_WHOLE) {
        return FORKER_E_STATE;
    }
    req->answer.fields.len = req->answer.body.len = 0;
    if (detail != NULL && !fk_block_append(&req->answer.body, detail, strlen(detail))) {
        return FORKER_E_MEMORY;
    }
    req->answer.status = (uint16_t)status;
    req->answer.state = FK_ANSWER_WHOLE;
    req->answer.flags = (uint8_t)(FK_ANSWER_ERROR | (req->answer.flags & FK_ANSWER_CLOSE));
    return FORKER_OK;
}
