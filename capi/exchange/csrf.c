/*
 * Tokens by which the server's own pages are told from those of other sites: a browser sends the cookie whoever has made the page,
 * but only pages of this server know a token that goes with it. Over TLS the cookie has the prefix __Host-, so that no other host can
 * set it, not even one of the same domain (RFC 6265bis section 4.1.3.2).
 */
#include "exchange/csrf.h"

#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "exchange/block.h"
#include "exchange/cookie.h"
#include "exchange/engine.h"
#include "exchange/failure.h"
#include "exchange/formrule.h"

static const char field_name[] = "X-CSRF-Token", form_name[] = "csrf_token";

static bool is_secure(forker_request *req)
{
    return strcmp(forker_request_scheme(req, NULL), "https") == 0;
}

static const char *cookie_name(forker_request *req)
{
    return is_secure(req) ? "__Host-csrf" : "csrf";
}

/* ---------------------------------------------------------------------------------------------------------- checked */

static int refuse(forker_request *req, const char *detail)
{
    return forker_respond_error(req, 403, detail);
}

static int refuse_cookie(forker_request *req, const char *fault)
{
    char detail[160];
    (void)snprintf(detail, sizeof detail, "%s %s", fault, cookie_name(req));
    return refuse(req, detail);
}

int fk_csrf_pass(forker_request *req)
{
    size_t len, token_len;
    const char *boundary, *cookie = fk_cookie_only(req, cookie_name(req), &len);
    if (cookie == NULL) {
        return refuse_cookie(
            req, "a page of this site has to send this request: there is no cookie, or several, of the name");
    }
    const char *token = forker_request_header(req, field_name, &token_len);
    if (token == NULL && fk_form_type(req, &boundary) == FORKER_OK) {
        if (req->early) {
            return FORKER_NEXT;
        }
        token = fk_form_only(req, form_name, &token_len);
    }
    if (token == NULL) {
        return refuse(req, "a page of this site has to send this request: there is no field X-CSRF-Token, and no "
                           "csrf_token in a form");
    }
    switch (fk_engine_token_fits(req->server, cookie_name(req), cookie, len, token, token_len)) {
    case FORKER_OK:
        req->token_due = 0;
        return FORKER_OK;
    case FORKER_E_STATE:
        return refuse_cookie(req, "a page of this site has to send this request: this site has not made the cookie");
    default:
        return refuse(req, "a page of this site has to send this request: the token is not that of the cookie");
    }
}

/* ------------------------------------------------------------------------------------------------------------- made */

static const char *keep(forker_request *req, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = fk_text_new(req, size);
    return kept != NULL ? memcpy(kept, text, size) : NULL;
}

/* Whether the response sets the cookie still: what takes its fields back takes that back too. */
static bool is_set(const forker_request *req)
{
    const fk_block *fields = &req->response.fields;
    return fields->len > 0 &&
           memmem(fields->data, (size_t)fields->len, req->csrf_cookie, strlen(req->csrf_cookie)) != NULL;
}

static int set_cookie(forker_request *req)
{
    forker_cookie cookie = {.size = sizeof cookie,
                            .name = cookie_name(req),
                            .value = req->csrf_cookie,
                            .path = "/",
                            .max_age = -1,
                            .flags = is_secure(req) ? FORKER_COOKIE_SECURE : 0};
    return forker_response_cookie(req, &cookie);
}

static int check(forker_request *req)
{
    if (!fk_process.go_running || fk_process.go_lost) {
        return fk_fail(&req->failure, FORKER_E_PROCESS, "csrf_token: this process does not serve");
    }
    return req->server->options[FK_OPTION_COOKIE_KEYS].text[0] != '\0'
               ? FORKER_OK
               : fk_fail(&req->failure, FORKER_E_STATE, "csrf_token: option cookie_keys is empty");
}

const char *forker_request_csrf_token(forker_request *req)
{
    fk_csrf made;
    size_t len = 0;
    if (req == NULL || check(req) != FORKER_OK) {
        return NULL;
    }
    const char *cookie = req->csrf_cookie;
    if (cookie != NULL) {
        len = strlen(cookie);
    } else {
        cookie = fk_cookie_only(req, cookie_name(req), &len);
    }
    if (fk_engine_token(req->server, cookie_name(req), cookie != NULL ? cookie : "", len, &made)) {
        req->csrf_cookie = keep(req, made.cookie);
        if (req->csrf_cookie == NULL) {
            (void)fk_fail(&req->failure, FORKER_E_MEMORY, "csrf_token: out of memory");
            return NULL;
        }
    }
    if (req->csrf_cookie != NULL && !is_set(req) && set_cookie(req) != FORKER_OK) {
        return NULL;
    }
    /* What is for one client must not be given to another. */
    return forker_response_header_set(req, "Cache-Control", "no-store") == FORKER_OK ? keep(req, made.token) : NULL;
}
