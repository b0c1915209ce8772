/* Bodies that a program takes piece by piece. */
#include "deferred.h"

int forker_request_on_body(forker_request *req, forker_body_fn on_body, void *user)
{
    if (req == NULL || on_body == NULL) {
        return FORKER_E_INVALID;
    }
    if (req->inside != FK_INSIDE_HANDLER || req->on_body != NULL || req->answer.state == FK_ANSWER_WHOLE) {
        return FORKER_E_STATE;
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
    if (req->inside == FK_INSIDE_NOTHING || req->on_body == NULL || req->deferred == NULL) {
        return FORKER_E_STATE;
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
    int code = deferred->closed ? FORKER_E_ABORTED : FORKER_OK;
    if (code == FORKER_OK && __atomic_exchange_n(&deferred->req->paused, 0, __ATOMIC_ACQ_REL) != 0) {
        fk_deferred_tell(deferred, FK_EVENT_RESUME);
        return FORKER_OK;
    }
    (void)pthread_mutex_unlock(&deferred->lock);
    return code;
}
