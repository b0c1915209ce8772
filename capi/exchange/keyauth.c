/*
 * Keys that requests show, of which the program says whether they are good. A source of which a request has several values has
 * none: whoever comes after us could take another one than we do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/block.h"
#include "exchange/challenge.h"
#include "exchange/cookie.h"
#include "exchange/credentials.h"
#include "exchange/failure.h"
#include "exchange/formrule.h"
#include "exchange/keysource.h"
#include "exchange/query.h"
#include "setup/group.h"
#include "setup/setup.h"

/* What a group asks for. */
typedef struct {
    fk_key_sources sources;
    forker_key_fn check;
    void *user;
} key_auth;

static const char *in_header(forker_request *req, const fk_key_source *source, size_t *len_out)
{
    const char *shown = fk_credentials_find(req, source->name, source->scheme, len_out);
    char *key = shown != NULL ? fk_text_new(req, *len_out + 1) : NULL;
    if (key != NULL) {
        memcpy(key, shown, *len_out);
        key[*len_out] = '\0';
    }
    return key;
}

static const char *in_query(forker_request *req, const char *name, size_t *len_out)
{
    fk_pair pair, found = {0};
    for (fk_query at = fk_query_of(req); fk_query_next(&at, &pair);) {
        if (!fk_query_is(&pair, name)) {
            continue;
        }
        if (found.value != NULL) {
            return NULL;
        }
        found = pair;
    }
    return found.value != NULL ? fk_query_text(req, found.value, found.end, len_out) : NULL;
}

/* The key that a request has in one place; NULL: there is none. */
static const char *find_in(forker_request *req, const fk_key_source *source, size_t *len_out)
{
    const char *key = NULL;
    *len_out = 0;
    switch (source->kind) {
    case FK_KEY_HEADER:
        key = in_header(req, source, len_out);
        break;
    case FK_KEY_QUERY:
        key = in_query(req, source->name, len_out);
        break;
    case FK_KEY_COOKIE:
        key = fk_cookie_only(req, source->name, len_out);
        break;
    case FK_KEY_FORM:
        key = fk_form_only(req, source->name, len_out);
        break;
    }
    return *len_out > 0 ? key : NULL;
}

/* The first key that a request has, and in which place; NULL: there is none. */
static const char *find(forker_request *req, const key_auth *auth, size_t *len_out)
{
    const char *key = NULL;
    for (unsigned i = 0; key == NULL && i < auth->sources.count; i++) {
        key = find_in(req, &auth->sources.items[i], len_out);
    }
    return key;
}

/* Whether the key can only be in the form that is still to come. */
static bool awaits_form(forker_request *req, void *user)
{
    const key_auth *auth = user;
    const char *boundary;
    size_t len;
    for (unsigned i = 0; i < auth->sources.count; i++) {
        const fk_key_source *source = &auth->sources.items[i];
        if (source->kind == FK_KEY_FORM) {
            return fk_form_type(req, &boundary) == FORKER_OK;
        }
        if (find_in(req, source, &len) != NULL) {
            return false;
        }
    }
    return false;
}

/* How a request is to show its key, in the words of HTTP: only headers with schemes are known to that. */
static const char *scheme_of(const fk_key_source *source)
{
    return source->scheme != NULL ? source->scheme : "ApiKey";
}

static bool is_asked_before(const fk_key_sources *sources, unsigned index)
{
    for (unsigned i = 0; i < index; i++) {
        if (fk_ascii_equal(scheme_of(&sources->items[i]), scheme_of(&sources->items[index]))) {
            return true;
        }
    }
    return false;
}

static int refuse(forker_request *req, const key_auth *auth, bool has_key)
{
    int code = FORKER_OK;
    for (unsigned i = 0; code == FORKER_OK && i < auth->sources.count; i++) {
        const char *scheme = scheme_of(&auth->sources.items[i]);
        bool is_bearer = fk_ascii_equal(scheme, "Bearer"); /* RFC 6750 section 3.1 */
        if (!is_asked_before(&auth->sources, i)) {
            code = fk_challenge_add(req, scheme, has_key && is_bearer ? ", error=\"invalid_token\"" : "");
        }
    }
    return code == FORKER_OK ? forker_respond_error(req, 401, has_key ? "the key is not good" : "a key is needed")
                             : code;
}

static int check_key(forker_request *req, void *user)
{
    const key_auth *auth = user;
    size_t len;
    const char *key = find(req, auth, &len);
    int result = key != NULL ? auth->check(req, key, len, auth->user) : FORKER_OK;
    return fk_challenge_is_due(req, result) ? refuse(req, auth, key != NULL) : result;
}

static void destroy(void *user)
{
    key_auth *auth = user;
    fk_key_sources_free(&auth->sources);
    free(auth);
}

/* Reads what a group is to ask for, and has it ask. */
static int enter(forker_group *group, key_auth *auth, const char *sources)
{
    const char *wrong, *fault = fk_key_sources_read(&auth->sources, sources, &wrong);
    if (auth->sources.text == NULL) {
        return fk_setup_fail(group->server, FORKER_E_MEMORY, "key_auth: out of memory");
    }
    if (fault != NULL) {
        return fk_setup_fail(group->server, FORKER_E_INVALID, "key_auth: \"%.*s\": %s", (int)strcspn(wrong, ","), wrong,
                             fault);
    }
    bool has_form = false;
    for (unsigned i = 0; i < auth->sources.count; i++) {
        has_form = has_form || auth->sources.items[i].kind == FK_KEY_FORM;
    }
    return fk_group_use(
        group, "key_auth",
        &(fk_use){.before = check_key, .user = auth, .awaits = has_form ? awaits_form : NULL, .destroy = destroy});
}

int forker_group_key_auth(forker_group *group, const char *sources, forker_key_fn check, void *user)
{
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    if (refused != FORKER_OK) {
        return refused;
    }
    if (sources == NULL || check == NULL) {
        return fk_setup_fail(group->server, FORKER_E_INVALID, "key_auth: %s is NULL",
                             sources == NULL ? "sources" : "check");
    }
    key_auth *auth = calloc(1, sizeof *auth);
    if (auth == NULL) {
        return fk_setup_fail(group->server, FORKER_E_MEMORY, "key_auth: out of memory");
    }
    auth->check = check;
    auth->user = user;
    int code = enter(group, auth, sources);
    if (code != FORKER_OK) {
        destroy(auth);
    }
    return code;
}
