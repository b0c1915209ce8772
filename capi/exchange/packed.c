/* Requests and responses in one call each, for bindings, in whose languages a call of C is dear. */
#include <string.h>

#include "exchange/block.h"
#include "exchange/exchange.h"
#include "exchange/response.h"

/* What is written, and how much would be. */
typedef struct {
    char *buffer;
    size_t room;
    size_t len;
    int code;
} packing;

/* Writes a text and a NUL behind it, if there is room. */
static void pack(packing *to, const char *text, size_t len)
{
    if (text == NULL) {
        to->code = FORKER_E_MEMORY;
        return;
    }
    if (to->len + len < to->room) {
        memcpy(to->buffer + to->len, text, len);
        to->buffer[to->len + len] = '\0';
    }
    to->len += len + 1;
}

static void pack_by(packing *to, forker_request *req, const char *(*accessor)(forker_request *, size_t *))
{
    size_t len;
    const char *text = accessor(req, &len);
    pack(to, text, len);
}

static const char *version_of(const forker_request *req)
{
    return req->head.version == 11 ? "1.1" : req->head.version == 10 ? "1.0" : "2";
}

int64_t forker_request_pack(forker_request *req, void *buffer, size_t size)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!fk_is_object(buffer, size)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "pack: there are no %zu bytes at %p", size, buffer);
    }
    packing to = {.buffer = buffer, .room = size};
    pack_by(&to, req, forker_request_method);
    pack_by(&to, req, forker_request_target);
    pack_by(&to, req, forker_request_path);
    pack_by(&to, req, forker_request_query);
    const char *version = version_of(req);
    pack(&to, version, strlen(version));
    pack_by(&to, req, forker_request_scheme);
    pack_by(&to, req, forker_request_peer);
    pack_by(&to, req, forker_request_client);
    for (size_t i = 0; i < req->head.field_count; i++) {
        const fk_field *field = &req->head.fields[i];
        pack(&to, req->base + field->name.off, field->name.len);
        pack(&to, req->base + field->value.off, field->value.len);
    }
    return to.code == FORKER_OK ? (int64_t)to.len
                                : fk_fail(&req->failure, to.code, "pack: no memory for what is copied");
}

/* Adds the fields that are packed. */
static int add_fields(forker_request *req, const char *verb, const char *fields, size_t len)
{
    const char *end = fields + len;
    int code = FORKER_OK;
    while (fields != end && code == FORKER_OK) {
        const char *name = fields;
        const char *value = memchr(name, '\0', (size_t)(end - name));
        const char *behind = value != NULL ? memchr(value + 1, '\0', (size_t)(end - value - 1)) : NULL;
        if (behind == NULL) {
            return fk_fail(&req->failure, FORKER_E_INVALID, "%s: the fields do not end behind a value", verb);
        }
        code = fk_response_add(req, &req->failure, verb, name, value + 1);
        fields = behind + 1;
    }
    return code;
}

/* It takes what it says. NOLINTNEXTLINE(readability-function-size) */
int forker_respond_packed(forker_request *req, int status, const char *fields, size_t fields_len, const void *body,
                          size_t len)
{
    static const char verb[] = "respond_packed";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!fk_is_object(fields, fields_len)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: there are no %zu bytes at %p", verb, fields_len,
                       (const void *)fields);
    }
    fk_response *response = &req->response;
    uint64_t before = response->fields.len;
    uint8_t flags = response->flags;
    uint8_t state = response->state;
    int code = add_fields(req, verb, fields, fields_len);
    if (code == FORKER_OK) {
        code = fk_respond(req, &req->failure, verb, &(fk_text_response){status, NULL, body, len});
    }
    if (code != FORKER_OK) {
        response->fields.len = before;
        response->flags = flags;
        response->state = state;
    }
    return code;
}
