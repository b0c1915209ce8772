/*
 * Pairs "name=value&name=value" as queries and forms have them (URL Standard, application/x-www-form-urlencoded), decoded when they
 * are asked for.
 */
#include "exchange/query.h"

#include <string.h>

#include "exchange/block.h"
#include "exchange/failure.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char fk_query_char(const char **p, const char *end)
{
    char c = *(*p)++;
    if (c == '+') {
        return ' ';
    }
    if (c == '%' && end - *p >= 2 && hex_digit((*p)[0]) >= 0 && hex_digit((*p)[1]) >= 0) {
        c = (char)(hex_digit((*p)[0]) * 16 + hex_digit((*p)[1]));
        *p += 2;
    }
    return c;
}

bool fk_query_next(fk_query *at, fk_pair *pair_out)
{
    while (at->p < at->end && *at->p == '&') {
        at->p++;
    }
    if (at->p >= at->end) {
        return false;
    }
    const char *next = memchr(at->p, '&', (size_t)(at->end - at->p));
    const char *end = next != NULL ? next : at->end;
    const char *equals = memchr(at->p, '=', (size_t)(end - at->p));
    *pair_out = (fk_pair){at->p, equals != NULL ? equals : end, equals != NULL ? equals + 1 : end, end};
    at->p = end;
    return true;
}

bool fk_query_is(const fk_pair *pair, const char *name)
{
    for (const char *p = pair->name; p < pair->name_end;) {
        if (*name == '\0' || fk_query_char(&p, pair->name_end) != *name++) {
            return false;
        }
    }
    return *name == '\0';
}

size_t fk_query_decode(char *out, const char *p, const char *end)
{
    size_t len = 0;
    while (p < end) {
        char c = fk_query_char(&p, end);
        if (out != NULL) {
            out[len] = c;
        }
        len++;
    }
    return len;
}

const char *fk_query_text(forker_request *req, const char *p, const char *end, size_t *len_out)
{
    char *text = fk_text_new(req, (size_t)(end - p) + 1);
    size_t len = text != NULL ? fk_query_decode(text, p, end) : 0;
    if (text != NULL) {
        text[len] = '\0';
    }
    if (len_out != NULL) {
        *len_out = len;
    }
    return text;
}

fk_query fk_query_of(const forker_request *req)
{
    const char *p = req->base + req->head.query.off;
    return (fk_query){p, p + (req->head.has_query ? req->head.query.len : 0)};
}

const char *forker_request_query_param(forker_request *req, const char *name, size_t *len_out)
{
    fk_pair pair;
    if (len_out != NULL) {
        *len_out = 0;
    }
    if (req == NULL || name == NULL) {
        return NULL;
    }
    for (fk_query at = fk_query_of(req); fk_query_next(&at, &pair);) {
        if (fk_query_is(&pair, name)) {
            return fk_query_text(req, pair.value, pair.end, len_out);
        }
    }
    return NULL;
}

int forker_request_query_at(forker_request *req, size_t index, const char **name_out, const char **value_out,
                            size_t *len_out)
{
    fk_pair pair;
    size_t count = 0;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    for (fk_query at = fk_query_of(req); fk_query_next(&at, &pair); count++) {
        if (count < index) {
            continue;
        }
        const char *name = name_out != NULL ? fk_query_text(req, pair.name, pair.name_end, NULL) : "";
        const char *value =
            value_out != NULL || len_out != NULL ? fk_query_text(req, pair.value, pair.end, len_out) : "";
        if (name == NULL || value == NULL) {
            return fk_fail(&req->failure, FORKER_E_MEMORY, "query_at %zu: no memory", index);
        }
        *(name_out != NULL ? name_out : &name) = name;
        *(value_out != NULL ? value_out : &value) = value;
        return FORKER_OK;
    }
    return fk_fail(&req->failure, FORKER_E_INVALID, "query_at %zu: there are %zu parameters", index, count);
}
