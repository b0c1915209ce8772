/* Bodies that a program takes piece by piece. */
#include "exchange/deferred.h"
#include "exchange/response.h"

int forker_request_on_body(forker_request *req, forker_body_fn on_body, void *user)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (on_body == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "on_body: the function is NULL");
    }
    if (req->inside != FK_INSIDE_HANDLER) {
        return fk_fail(&req->failure, FORKER_E_STATE, "on_body: only the handler can ask for the body");
    }
    if (req->on_body != NULL) {
        return fk_fail(&req->failure, FORKER_E_STATE, "on_body: the body is asked for already");
    }
    int code = fk_response_open(req, &req->failure, "on_body");
    if (code != FORKER_OK) {
        return code;
    }
    req->on_body = on_body;
    req->on_body_user = user;
    __atomic_store_n(&req->paused, 0, __ATOMIC_RELAXED);
    return FORKER_OK;
}

int forker_request_pause(forker_request *req)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (req->inside == FK_INSIDE_NOTHING) {
        return fk_fail(&req->failure, FORKER_E_STATE, "pause: only the handler and on_body can pause the body");
    }
    if (req->on_body == NULL || req->deferred == NULL) {
        return fk_fail(&req->failure, FORKER_E_STATE, "pause: %s",
                       req->on_body == NULL ? "no more of the body comes" : "the request is not deferred");
    }
    __atomic_store_n(&req->paused, 1, __ATOMIC_RELEASE);
    return FORKER_OK;
}

int forker_deferred_resume(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    if (deferred->closed) {
        return fk_deferred_abort(deferred, "resume");
    }
    if (__atomic_exchange_n(&deferred->req->paused, 0, __ATOMIC_ACQ_REL) != 0) {
        fk_deferred_tell(deferred, FK_EVENT_RESUME);
        return FORKER_OK;
    }
    return fk_deferred_unlock(deferred, FORKER_OK);
}
