/* Credentials in fields of requests. */
#include "exchange/credentials.h"

#include <string.h>

#include "base/ascii.h"

/* NULL: there is none, or several. */
static const fk_field *only_field(const forker_request *req, const char *name)
{
    const fk_field *found = NULL;
    size_t len = strlen(name);
    for (size_t i = 0; i < req->head.field_count; i++) {
        const fk_field *field = &req->head.fields[i];
        if (field->name.len != len || !fk_ascii_same(req->base + field->name.off, name, len)) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = field;
    }
    return found;
}

const char *fk_credentials_find(const forker_request *req, const char *name, const char *scheme, size_t *len_out)
{
    const fk_field *field = only_field(req, name);
    *len_out = 0;
    if (field == NULL) {
        return NULL;
    }
    const char *text = req->base + field->value.off;
    size_t len = field->value.len, skip = scheme != NULL ? strlen(scheme) : 0;
    if (scheme != NULL && (len <= skip || !fk_ascii_same(text, scheme, skip) || text[skip] != ' ')) {
        return NULL;
    }
    while (scheme != NULL && skip < len && text[skip] == ' ') {
        skip++;
    }
    *len_out = len - skip;
    return text + skip;
}
