/*
 * Turns of the program's own loop in which it works for a deferred request. Between enter and leave the black box has
 * the request, as during a handler.
 */
#include "base/clock.h"
#include "base/process.h"
#include "exchange/deferred.h"
#include "exchange/dispatch.h"

/* The black box of the thread that handlers are called on, if it is this thread; else NULL. */
static fk_black_box *own_box(const forker_server *server)
{
    fk_black_box *box = &fk_server_slot(server, (uint32_t)fk_process.worker)->box;
    return fk_thread.box == box ? box : NULL;
}

int forker_deferred_enter(forker_deferred handle)
{
    static const char verb[] = "deferred_enter";
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    fk_black_box *box = deferred->retained == NULL ? own_box(deferred->req->server) : NULL;
    int code = FORKER_OK;
    if (box == NULL) {
        code = fk_fail(&deferred->failure, FORKER_E_STATE, "%s: not on the thread that calls the handlers", verb);
    } else if (box->busy != 0) {
        code = fk_fail(&deferred->failure, FORKER_E_STATE, "%s: within a handler, or entered already", verb);
    } else {
        fk_dispatch_note(box, deferred->req, fk_clock());
    }
    return fk_deferred_unlock(deferred, code);
}

int forker_deferred_leave(void)
{
    fk_black_box *box = fk_thread.box;
    if (box == NULL || fk_thread.pooled || box->busy == 0) {
        return FORKER_E_STATE;
    }
    __atomic_store_n(&box->busy, 0, __ATOMIC_RELEASE);
    return FORKER_OK;
}
