/*
 * The functions around a handler. A request that comes to a pair of them is noted before the first one is called, so that the
 * other one is called exactly once, whatever becomes of the request: it is answered there, passed on to another route of the same
 * group, deferred, refused by the engine, or its client leaves.
 */
#include "exchange/chain.h"

#include "base/process.h"
#include "exchange/block.h"
#include "exchange/csrf.h"
#include "exchange/deferred.h"
#include "exchange/failure.h"
#include "setup/callback.h"

/* NULL: there is none. */
static const forker_group *group_of(const forker_request *req)
{
    const forker_group *group = req->server->routing.routes[req->route].group;
    return group != NULL ? group : req->server->routing.root;
}

static const fk_use **passed(const forker_request *req, size_t *count_out)
{
    *count_out = (size_t)req->passed.len / sizeof(const fk_use *);
    return (const fk_use **)(void *)req->passed.data;
}

/* Whether an earlier route of the request had this pair, too. As long as there is one route, all are noted in its order. */
static bool has_passed(const forker_request *req, const fk_use *use)
{
    size_t count;
    const fk_use **uses = passed(req, &count);
    if (count == req->step) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (uses[i] == use) {
            return true;
        }
    }
    return false;
}

/* What the functions so far have set is sent along with the response, which is the next one's to make. */
static void keep_set(forker_request *req)
{
    if (req->response.state == FK_RESPONSE_STARTED) {
        req->response.state = FK_RESPONSE_NONE;
    }
}

static void begin_step(forker_request *req)
{
    keep_set(req);
    req->step++;
}

static bool may_go_on(const forker_request *req)
{
    return req->deferred == NULL && req->on_body == NULL && req->response.state != FK_RESPONSE_WHOLE;
}

/* Whether the next before function has to wait for the body. */
static bool awaits_body(forker_request *req, const fk_use *use)
{
    return req->early && use->awaits != NULL && !has_passed(req, use) && use->awaits(req, use->user);
}

/* Calls the next before function, if there is one. */
static int pass(forker_request *req, const fk_use *use)
{
    if (has_passed(req, use)) {
        begin_step(req);
        return FORKER_NEXT;
    }
    if (!fk_block_append(&req->passed, &use, sizeof(const fk_use *))) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "no memory to note whose turn it is");
    }
    req->owed |= use->done != NULL;
    begin_step(req);
    return use->before != NULL ? use->before(req, use->user) : FORKER_NEXT;
}

int fk_chain_run(forker_request *req, int stage)
{
    const forker_group *group = group_of(req);
    const fk_route *route = &req->server->routing.routes[req->route];
    uint32_t count = group != NULL ? group->chain_count : 0;
    req->early = (stage & FK_STAGE_EARLY) != 0;
    if (req->token_due) {
        int result = fk_csrf_pass(req);
        if (req->token_due) {
            return result;
        }
    }
    while (req->step < count) {
        if (awaits_body(req, group->chain[req->step])) {
            keep_set(req);
            return FORKER_NEXT;
        }
        int result = pass(req, group->chain[req->step]);
        if (result != FORKER_NEXT || !may_go_on(req)) {
            return result;
        }
    }
    if (route->guards || route->directory != NULL || route->follows) {
        begin_step(req);
        return FORKER_NEXT;
    }
    if ((stage & FK_STAGE_HANDLER) == 0) {
        keep_set(req);
        return FORKER_NEXT;
    }
    begin_step(req);
    return route->handler(req, route->user);
}

void fk_chain_end(uintptr_t request)
{
    forker_request *req = (forker_request *)request;
    size_t count;
    const fk_use **uses = passed(req, &count);
    bool in_program = fk_thread.in_program;
    sigset_t blocked;
    req->response.state = FK_RESPONSE_WHOLE; /* nothing can be answered any more */
    fk_thread_enter_program(&blocked);
    while (count > 0) {
        const fk_use *use = uses[--count];
        if (use->done != NULL) {
            use->done(req, &req->outcome, use->user);
        }
    }
    fk_callback_check(req->server, "done function");
    fk_thread_leave_program(&blocked);
    fk_thread.in_program = in_program;
    req->passed.len = 0;
    req->step = 0;
    req->owed = 0;
}

int forker_deferred_next(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    forker_request *req = deferred->req;
    const char *fault = NULL;
    if (deferred->closed) {
        return fk_deferred_end(deferred, FK_EVENT_NEXT);
    }
    if (req->passed.len == 0 || req->step > group_of(req)->chain_count) {
        fault = "the handler has deferred the request, after which nothing comes";
    } else if (deferred->state != FK_DEFERRED_OPEN || req->response.state == FK_RESPONSE_WHOLE) {
        fault = "the request is answered already";
    } else if (req->on_body != NULL) {
        fault = "the body is asked for";
    }
    if (fault != NULL) {
        return fk_deferred_unlock(deferred, fk_fail(&deferred->failure, FORKER_E_STATE, "deferred_next: %s", fault));
    }
    return fk_deferred_end(deferred, FK_EVENT_NEXT);
}
