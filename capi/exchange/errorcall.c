/*
 * The program's own words for errors. The function gets the request as a handler does, with a response that has nothing in it, and
 * answers at once: what could keep the request, or take its connection, is refused by where it is (FK_INSIDE_LATE).
 */
#include "exchange/errorcall.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/process.h"
#include "exchange/block.h"
#include "exchange/dispatch.h"
#include "exchange/failure.h"
#include "exchange/response.h"
#include "log/log.h"

/* Takes back what there is of a response. Fields stay if they are those of an error that the program has made. */
static void clear(forker_request *req, bool own)
{
    fk_response *response = &req->response;
    fk_dispatch_release_parts(response);
    response->body.len = response->trailers.len = 0;
    response->parted = response->extra = 0;
    response->file = 0;
    if (!own) {
        response->fields.len = 0;
    }
    response->flags &= own ? (FK_RESPONSE_CLOSE | FK_RESPONSE_HAS_DATE | FK_RESPONSE_HAS_SERVER) : FK_RESPONSE_CLOSE;
    response->status = 0;
    response->state = FK_RESPONSE_NONE;
}

/* What the engine adds to an error that it words. */
static void add_fields(forker_request *req, const fk_error *error)
{
    char text[FK_ALLOW_MAX];
    fk_failure failure = {0};
    if (error->allow_len > 0 && error->allow_len < sizeof text) {
        (void)snprintf(text, sizeof text, "%.*s", (int)error->allow_len, error->allow);
        (void)fk_response_set(req, &failure, "allow", "Allow", text);
    }
    if (error->retry_after > 0) {
        (void)snprintf(text, sizeof text, "%" PRId32, error->retry_after);
        (void)fk_response_set(req, &failure, "retry_after", "Retry-After", text);
    }
    fk_failure_clear(&failure);
    req->response.state = FK_RESPONSE_NONE;
}

/* Whether the function has answered, and what is wrong if it has not and should. */
static bool has_answered(forker_request *req, int result, const char **fault_out)
{
    fk_response *response = &req->response;
    if (result == FORKER_NEXT && response->state == FK_RESPONSE_NONE) {
        return false;
    }
    if (result != FORKER_OK) {
        *fault_out = result == FORKER_NEXT ? "said FORKER_NEXT after it had begun a response" : "failed";
    } else if (response->state == FK_RESPONSE_NONE) {
        *fault_out = "returned FORKER_OK without a response";
    } else if ((response->flags & FK_RESPONSE_LENGTH) != 0 &&
               fk_response_fits(req, &req->failure, "length") != FORKER_OK) {
        *fault_out = "did not write what it said";
    }
    return *fault_out == NULL;
}

static void tell(forker_request *req, const fk_error *error, int result, const char *fault)
{
    char line[FK_SENTENCE_MAX];
    const char *why = fk_failure_text(&req->failure);
    (void)snprintf(line, sizeof line,
                   "the error function %s for a %d (it returned %d)%s%s; answered in the library's words", fault,
                   error->status, result, why[0] != '\0' ? ": " : "", why);
    fk_log(req->server, FORKER_LOG_ERROR, "%s", line);
}

bool fk_dispatch_error(uintptr_t address, const fk_error *error)
{
    forker_request *req = (forker_request *)address;
    fk_response *response = &req->response;
    bool own = (response->flags & FK_RESPONSE_ERROR) != 0;
    char *detail = fk_text_new(req, error->detail_len + 1);
    if (detail == NULL) {
        return false;
    }
    if (error->detail_len > 0) {
        memcpy(detail, error->detail, error->detail_len);
    }
    detail[error->detail_len] = '\0';
    clear(req, own);
    add_fields(req, error);
    fk_failure_clear(&req->failure);
    sigset_t blocked;
    const char *fault = NULL;
    fk_dispatch_enter(req, FK_INSIDE_LATE, &blocked);
    int result = req->server->hooks.on_error(req, error->status, detail, req->server->hooks.on_error_user);
    fk_dispatch_leave(req, &blocked);
    if (has_answered(req, result, &fault)) {
        response->status = response->status != 0 ? response->status : (uint16_t)error->status;
        return true;
    }
    if (fault != NULL) {
        tell(req, error, result, fault);
        clear(req, own);
    }
    if (own) { /* as it was */
        response->status = (uint16_t)error->status;
        response->flags |= FK_RESPONSE_ERROR;
        response->state = FK_RESPONSE_WHOLE;
        (void)fk_block_append(&response->body, detail, error->detail_len);
    }
    return false;
}
