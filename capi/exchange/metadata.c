/* Metadata of gRPC calls: the fields of heads and trailers, of which those that end with "-bin" stand for bytes. */
#include <string.h>

#include "base/ascii.h"
#include "exchange/base64.h"
#include "exchange/block.h"
#include "exchange/call.h"
#include "exchange/field.h"
#include "exchange/response.h"

static bool is_binary(const char *name, size_t len)
{
    return len > 4 && fk_ascii_same(name + len - 4, "-bin", 4);
}

/* Decodes the first of the values that a field of bytes has, which may be joined by commas. */
static const void *decode(forker_request *req, const char *value, size_t len, size_t *len_out)
{
    const char *comma = memchr(value, ',', len);
    len = comma != NULL ? (size_t)(comma - value) : len;
    char *bytes = fk_text_new(req, len + 1);
    ptrdiff_t size = bytes != NULL ? fk_base64_decode(bytes, value, len) : -1;
    if (size < 0) {
        (void)fk_fail(&req->failure, bytes != NULL ? FORKER_E_INVALID : FORKER_E_MEMORY, "grpc_metadata: %s",
                      bytes != NULL ? "the value is not base64" : "no memory");
        *len_out = 0;
        return NULL;
    }
    bytes[size] = '\0';
    *len_out = (size_t)size;
    return bytes;
}

const void *forker_grpc_metadata(forker_request *req, const char *name, size_t *len_out)
{
    size_t len = 0, unwanted;
    len_out = len_out != NULL ? len_out : &unwanted;
    const char *value = forker_request_header(req, name, &len);
    *len_out = len;
    return value != NULL && is_binary(name, strlen(name)) ? decode(req, value, len, len_out) : value;
}

/* What a program adds. */
typedef struct {
    const char *name;
    const void *value;
    size_t len;
} entry;

/* What the protocol has for itself. */
static bool is_own(const char *name)
{
    return fk_ascii_equal(name, "content-type") || fk_ascii_equal(name, "te") ||
           (strlen(name) >= 5 && fk_ascii_same(name, "grpc-", 5));
}

static bool is_text(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (value[i] < ' ' || value[i] > '~') {
            return false;
        }
    }
    return true;
}

/* What is wrong with it; NULL: nothing. */
static const char *fault_of(const entry *added)
{
    fk_field_size size;
    if (added->name == NULL || (added->value == NULL && added->len > 0)) {
        return added->name == NULL ? "the name is NULL" : "the value is NULL";
    }
    if (!fk_is_object(added->value, added->len)) {
        return "no value has that length";
    }
    if (is_own(added->name)) {
        return "belongs to gRPC";
    }
    const char *fault = fk_field_trailer_fault(added->name, "", &size);
    if (fault == NULL && !is_binary(added->name, size.name) && !is_text(added->value, added->len)) {
        fault = "the value has other characters than visible ASCII ones; a name that ends with \"-bin\" can have bytes";
    }
    return fault;
}

/* The lines of a block with one more. */
static int append(fk_block *lines, const entry *added)
{
    enum { LONGEST = 48 * 1024 };
    size_t name_len = strlen(added->name);
    if (!is_binary(added->name, name_len)) {
        return fk_field_append(lines, added->name, added->value, (fk_field_size){name_len, added->len});
    }
    if (added->len > LONGEST) {
        return FORKER_E_LIMIT;
    }
    fk_block coded = {0};
    size_t len = fk_base64_len(added->len);
    if (!fk_block_reserve(&coded, (uint64_t)len + 1)) {
        return FORKER_E_MEMORY;
    }
    fk_base64_encode(coded.data, added->value, added->len);
    int code = fk_field_append(lines, added->name, coded.data, (fk_field_size){name_len, len});
    fk_block_free(&coded);
    return code;
}

static int add(forker_request *req, const char *verb, fk_block *lines, const entry *added)
{
    const char *fault = fault_of(added);
    if (fault != NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s %s: %s", verb, added->name != NULL ? added->name : "NULL",
                       fault);
    }
    int code = append(lines, added);
    return code == FORKER_OK
               ? code
               : fk_fail(&req->failure, code, "%s %s: %s", verb, added->name, fk_field_append_fault(code));
}

int forker_grpc_metadata_add(forker_request *req, const char *name, const void *value, size_t len)
{
    static const char verb[] = "grpc_metadata_add";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    int code = fk_call_check(req, &req->failure, verb);
    if (code == FORKER_OK) {
        code = fk_response_open(req, &req->failure, verb);
    }
    if (code == FORKER_OK) {
        code = add(req, verb, &req->response.fields, &(entry){name, value, len});
    }
    if (code == FORKER_OK) {
        req->response.state = FK_RESPONSE_STARTED;
    }
    return code;
}

/* Fails if the trailer section cannot change any more: it is open as long as a stream is. */
static int check_trailer(forker_request *req, const char *verb)
{
    int code = fk_call_check(req, &req->failure, verb);
    if (code == FORKER_OK && (req->response.flags & FK_RESPONSE_STREAM) == 0) {
        code = fk_response_open(req, &req->failure, verb);
    }
    return code;
}

int forker_grpc_trailer_add(forker_request *req, const char *name, const void *value, size_t len)
{
    static const char verb[] = "grpc_trailer_add";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    int code = check_trailer(req, verb);
    if (code == FORKER_OK) {
        code = add(req, verb, &req->response.trailers, &(entry){name, value, len});
    }
    if (code == FORKER_OK && req->response.state == FK_RESPONSE_NONE) {
        req->response.state = FK_RESPONSE_STARTED;
    }
    return code;
}

int forker_grpc_details(forker_request *req, const void *status, size_t len)
{
    static const char verb[] = "grpc_details", name[] = "grpc-status-details-bin";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!fk_is_object(status, len)) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: there are no %zu bytes at %p", verb, len, status);
    }
    int code = check_trailer(req, verb);
    if (code != FORKER_OK) {
        return code;
    }
    fk_field_remove(&req->response.trailers, name);
    code = append(&req->response.trailers, &(entry){name, status, len});
    return code == FORKER_OK ? code : fk_fail(&req->failure, code, "%s: %s", verb, fk_field_append_fault(code));
}
