/* Fields of responses. They are checked when they are set and kept as the lines that will be sent, so that no text can
 * split a response. */
#include "exchange/field.h"

#include <string.h>

#include "base/ascii.h"

enum { LINES_MAX = 64 * 1024 };

/* What the library keeps for itself. Of these, Trailer can be set: it announces what the library sends. */
static const char *const reserved[] = {"Content-Length", "Transfer-Encoding", "Upgrade", "Keep-Alive"};

/*
 * RFC 9110 section 6.5.1: what decides about framing, routing, content and authentication has no place in a trailer
 * section.
 */
static const char *const leading[] = {"Content-Type", "Content-Encoding", "Content-Range", "Connection",
                                      "Set-Cookie",   "Cache-Control",    "Location",      "WWW-Authenticate",
                                      "Host",         "Trailer"};

static const char library_own[] = "belongs to the library";

static bool is_among(const char *const *names, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == len && fk_ascii_same(name, names[i], len)) {
            return true;
        }
    }
    return false;
}

static bool is_reserved(const char *name, size_t len)
{
    return is_among(reserved, sizeof reserved / sizeof *reserved, name, len);
}

/* RFC 9110 section 5.5: visible characters, space, tab and bytes above 127. */
const char *fk_field_value_fault(const char *value, size_t *len_out)
{
    size_t len = 0;
    for (; value[len] != '\0'; len++) {
        if (value[len] != '\t' && fk_ascii_is_control(value[len])) {
            return "the value has control characters";
        }
    }
    *len_out = len;
    return NULL;
}

static const char *trailing_name_fault(const char *name, size_t len)
{
    if (is_reserved(name, len)) {
        return library_own;
    }
    return is_among(leading, sizeof leading / sizeof *leading, name, len) ? "has no place in a trailer section" : NULL;
}

/* RFC 9110 section 6.6.2: Trailer is a list of names. */
static const char *announcement_fault(const char *value)
{
    for (;;) {
        value += strspn(value, " \t");
        size_t len = fk_ascii_token_len(value);
        const char *fault = len > 0 ? trailing_name_fault(value, len) : "is a list of field names";
        if (fault != NULL) {
            return fault == library_own ? "names a field that belongs to the library" : fault;
        }
        value += len;
        value += strspn(value, " \t");
        if (*value == '\0') {
            return NULL;
        }
        if (*value++ != ',') {
            return "is a list of field names";
        }
    }
}

const char *fk_field_fault(const char *name, const char *value, fk_field_size *size_out)
{
    size_out->name = fk_ascii_token_len(name);
    if (size_out->name == 0 || name[size_out->name] != '\0') {
        return "the name is not a token";
    }
    if (is_reserved(name, size_out->name)) {
        return library_own;
    }
    const char *fault = fk_field_value_fault(value, &size_out->value);
    if (fault == NULL && fk_ascii_equal(name, "Trailer")) {
        fault = announcement_fault(value);
    }
    if (fault == NULL && fk_ascii_equal(name, "Connection") && !fk_ascii_equal(value, "close")) {
        fault = "may only be \"close\"";
    }
    return fault;
}

const char *fk_field_trailer_fault(const char *name, const char *value, fk_field_size *size_out)
{
    const char *fault = trailing_name_fault(name, strlen(name));
    return fault != NULL ? fault : fk_field_fault(name, value, size_out);
}

int fk_field_append(fk_block *lines, const char *name, const char *value, fk_field_size size)
{
    if (size.value > LINES_MAX || size.name > LINES_MAX) {
        return FORKER_E_LIMIT;
    }
    size_t line = size.name + size.value + strlen(": \r\n");
    if (lines->len + line > LINES_MAX) {
        return FORKER_E_LIMIT;
    }
    if (!fk_block_reserve(lines, line)) {
        return FORKER_E_MEMORY;
    }
    char *p = lines->data + lines->len;
    memcpy(p, name, size.name);
    memcpy(p + size.name, ": ", 2);
    memcpy(p + size.name + 2, value, size.value);
    memcpy(p + size.name + 2 + size.value, "\r\n", 2);
    lines->len += line;
    return FORKER_OK;
}

const char *fk_field_append_fault(int code)
{
    return code == FORKER_E_LIMIT ? "the fields would have more than 64 KiB" : "out of memory";
}

void fk_field_remove(fk_block *lines, const char *name)
{
    size_t len = strlen(name);
    uint64_t kept = 0;
    for (uint64_t at = 0; at < lines->len;) {
        char *line = lines->data + at;
        uint64_t size = (uint64_t)((char *)memchr(line, '\n', (size_t)(lines->len - at)) - line) + 1;
        if (size <= len || !fk_ascii_same(line, name, len) || line[len] != ':') {
            memmove(lines->data + kept, line, (size_t)size);
            kept += size;
        }
        at += size;
    }
    lines->len = kept;
}
