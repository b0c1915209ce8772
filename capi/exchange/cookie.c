/* Cookies (RFC 6265bis): those that a client sends, those that it is given, and signatures that it cannot make. */
#include "exchange/cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/process.h"
#include "exchange/block.h"
#include "exchange/engine.h"
#include "exchange/response.h"

enum { PAIR_MAX = 4096, ATTRIBUTE_MAX = 1024 };

/* cookie-octet of RFC 6265 section 4.1.1. */
static bool is_octet(char c)
{
    return c > ' ' && c < 0x7f && strchr("\",;\\", c) == NULL;
}

/* ------------------------------------------------------------------------------------------------------------- read */

typedef struct {
    const char *p;
    size_t len;
} piece;

/* Takes the next pair off a Cookie field, without the blanks around it. false: there is none. */
static bool next_pair(piece *field, piece *name_out, piece *value_out)
{
    while (field->len > 0) {
        const char *semicolon = memchr(field->p, ';', field->len);
        size_t len = semicolon != NULL ? (size_t)(semicolon - field->p) : field->len, step = len + (semicolon != NULL);
        const char *p = field->p;
        field->p += step;
        field->len -= step;
        for (; len > 0 && (*p == ' ' || *p == '\t'); len--) {
            p++;
        }
        while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
            len--;
        }
        const char *equals = memchr(p, '=', len);
        if (equals != NULL) {
            *name_out = (piece){p, (size_t)(equals - p)};
            *value_out = (piece){equals + 1, len - name_out->len - 1};
            return true;
        }
    }
    return false;
}

static const char *copy_value(forker_request *req, piece value, size_t *len_out)
{
    if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"') {
        value = (piece){value.p + 1, value.len - 2};
    }
    char *text = fk_text_new(req, value.len + 1);
    if (text != NULL) {
        memcpy(text, value.p, value.len);
        text[value.len] = '\0';
        *len_out = value.len;
    }
    return text;
}

/* Gives the first value of that name, and how many there are, of which no more than `most` are counted. */
static size_t find_cookie(const forker_request *req, const char *name, size_t most, piece *value_out)
{
    size_t len = strlen(name), count = 0;
    for (size_t i = 0; i < req->head.field_count; i++) {
        const fk_field *field = &req->head.fields[i];
        if (field->name.len != 6 || !fk_ascii_same(req->base + field->name.off, "cookie", 6)) {
            continue;
        }
        piece left = {req->base + field->value.off, field->value.len}, key, value;
        while (count < most && next_pair(&left, &key, &value)) {
            if (key.len == len && memcmp(key.p, name, len) == 0 && count++ == 0) {
                *value_out = value;
            }
        }
    }
    return count;
}

const char *forker_request_cookie(forker_request *req, const char *name, size_t *len_out)
{
    size_t unwanted;
    piece value;
    len_out = len_out != NULL ? len_out : &unwanted;
    *len_out = 0;
    return req != NULL && name != NULL && find_cookie(req, name, 1, &value) == 1 ? copy_value(req, value, len_out)
                                                                                 : NULL;
}

const char *fk_cookie_only(forker_request *req, const char *name, size_t *len_out)
{
    piece value;
    *len_out = 0;
    return find_cookie(req, name, 2, &value) == 1 ? copy_value(req, value, len_out) : NULL;
}

/* -------------------------------------------------------------------------------------------------------------- set */

static bool is_value(const char *value)
{
    while (is_octet(*value)) {
        value++;
    }
    return *value == '\0';
}

/* Whether a text can stand as an attribute: no control character, no semicolon. */
static bool is_attribute(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if (fk_ascii_is_control(text[i]) || text[i] == ';' || (unsigned char)text[i] >= 0x80) {
            return false;
        }
    }
    return len <= ATTRIBUTE_MAX;
}

static bool begins_with(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return strlen(name) >= len && fk_ascii_same(name, prefix, len);
}

/* What browsers would throw the cookie away for, RFC 6265bis sections 4.1.3 and 5.7. */
static const char *rule_fault(const forker_cookie *cookie)
{
    bool secure = (cookie->flags & FORKER_COOKIE_SECURE) != 0;
    if (begins_with(cookie->name, "__Secure-") && !secure) {
        return "a name with __Secure- needs FORKER_COOKIE_SECURE";
    }
    if (begins_with(cookie->name, "__Host-") &&
        (!secure || cookie->domain != NULL || cookie->path == NULL || strcmp(cookie->path, "/") != 0)) {
        return "a name with __Host- needs FORKER_COOKIE_SECURE, the path \"/\" and no domain";
    }
    if ((cookie->same_site == FORKER_SAME_SITE_NONE || (cookie->flags & FORKER_COOKIE_PARTITIONED) != 0) && !secure) {
        return "FORKER_SAME_SITE_NONE and FORKER_COOKIE_PARTITIONED need FORKER_COOKIE_SECURE";
    }
    return NULL;
}

static const char *cookie_fault(const forker_cookie *cookie)
{
    if (cookie == NULL || cookie->size != sizeof *cookie) {
        return cookie == NULL ? "cookie is NULL" : "its size is not sizeof(forker_cookie)";
    }
    if (cookie->name == NULL || !fk_ascii_is_whole_token(cookie->name)) {
        return "the name is not a token";
    }
    if (cookie->value == NULL || !is_value(cookie->value)) {
        return "the value has a control character, a blank, or one of \" , ; \\ in it: encode it";
    }
    if (strlen(cookie->name) + strlen(cookie->value) > PAIR_MAX) {
        return "name and value have more than 4096 bytes, which no browser keeps";
    }
    if ((cookie->domain != NULL && !is_attribute(cookie->domain)) ||
        (cookie->path != NULL && !is_attribute(cookie->path))) {
        return "domain or path has a control character or \";\" in it, or more than 1024 bytes";
    }
    if (cookie->path != NULL && cookie->path[0] != '/') {
        return "the path does not begin with \"/\"";
    }
    if (cookie->same_site < FORKER_SAME_SITE_LAX || cookie->same_site > FORKER_SAME_SITE_NONE) {
        return "same_site is none of FORKER_SAME_SITE_*";
    }
    return rule_fault(cookie);
}

int forker_response_cookie(forker_request *req, const forker_cookie *cookie)
{
    static const char *const same_sites[] = {"; SameSite=Lax", "; SameSite=Strict", "; SameSite=None"};
    char value[PAIR_MAX + 2 * ATTRIBUTE_MAX + 256], age[48] = "";
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    const char *fault = cookie_fault(cookie);
    if (fault != NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "response_cookie: %s", fault);
    }
    if (cookie->max_age >= 0) {
        (void)snprintf(age, sizeof age, "; Max-Age=%" PRId64, cookie->max_age);
    }
    (void)snprintf(value, sizeof value, "%s=%s%s%s%s%s%s%s%s%s%s", cookie->name, cookie->value,
                   cookie->path != NULL ? "; Path=" : "", cookie->path != NULL ? cookie->path : "",
                   cookie->domain != NULL ? "; Domain=" : "", cookie->domain != NULL ? cookie->domain : "", age,
                   (cookie->flags & FORKER_COOKIE_SECURE) != 0 ? "; Secure" : "",
                   (cookie->flags & FORKER_COOKIE_SCRIPTS) == 0 ? "; HttpOnly" : "", same_sites[cookie->same_site],
                   (cookie->flags & FORKER_COOKIE_PARTITIONED) != 0 ? "; Partitioned" : "");
    return forker_response_header_add(req, "Set-Cookie", value);
}

/* ------------------------------------------------------------------------------------------------------------- sign */

/* What is signed: so a value is good for one name only. Returns how long it is; 0: it is none. */
static size_t signed_text(char *text_out, const char *name, piece value)
{
    size_t len = strlen(name);
    if (!fk_ascii_is_whole_token(name) || len + 1 + value.len > PAIR_MAX) {
        return 0;
    }
    memcpy(text_out, name, len);
    text_out[len] = '=';
    memcpy(text_out + len + 1, value.p, value.len);
    return len + 1 + value.len;
}

static int check_keys(forker_server *server)
{
    if (!fk_process.go_running || fk_process.go_lost) {
        return FORKER_E_PROCESS;
    }
    return server->options[FK_OPTION_COOKIE_KEYS].text[0] != '\0' ? FORKER_OK : FORKER_E_STATE;
}

int forker_cookie_sign(forker_server *server, const char *name, const char *value, char *text_out, size_t size)
{
    char text[PAIR_MAX];
    if (text_out != NULL && size > 0) {
        text_out[0] = '\0';
    }
    if (server == NULL || name == NULL || value == NULL || text_out == NULL || !is_value(value)) {
        return FORKER_E_INVALID;
    }
    size_t len = strlen(value), whole = signed_text(text, name, (piece){value, len});
    int code = whole > 0 ? check_keys(server) : FORKER_E_INVALID;
    if (code == FORKER_OK && size < len + 1 + FK_SIGNATURE + 1) {
        code = FORKER_E_LIMIT;
    }
    if (code != FORKER_OK) {
        return code;
    }
    memcpy(text_out, value, len);
    text_out[len] = '.';
    text_out[len + 1 + FK_SIGNATURE] = '\0';
    return fk_engine_sign(server, text, whole, text_out + len + 1);
}

int forker_cookie_verify(forker_server *server, const char *name, const char *text, char *value_out, size_t size)
{
    char pair[PAIR_MAX];
    if (value_out != NULL && size > 0) {
        value_out[0] = '\0';
    }
    if (server == NULL || name == NULL || text == NULL || value_out == NULL) {
        return FORKER_E_INVALID;
    }
    const char *dot = strrchr(text, '.');
    int code = check_keys(server);
    if (code != FORKER_OK) {
        return code;
    }
    size_t len = dot != NULL ? (size_t)(dot - text) : 0;
    size_t whole = dot != NULL && strlen(dot + 1) == FK_SIGNATURE ? signed_text(pair, name, (piece){text, len}) : 0;
    if (whole == 0 || !fk_engine_verify(server, pair, whole, dot + 1)) {
        return FORKER_E_INVALID;
    }
    if (size < len + 1) {
        return FORKER_E_LIMIT;
    }
    memcpy(value_out, text, len);
    value_out[len] = '\0';
    return FORKER_OK;
}
