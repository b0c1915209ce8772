/*
 * Functions that see the head of a response before it is sent, whatever it has come from. They are called where the head is made:
 * by the loop, or for a stream by the thread that begins it, which may go on to use the request.
 */
#include "exchange/onhead.h"

#include "base/process.h"
#include "exchange/block.h"
#include "exchange/dispatch.h"
#include "exchange/failure.h"
#include "exchange/response.h"
#include "setup/callback.h"

enum { CALLS_MAX = 16 };

typedef struct {
    forker_head_fn fn;
    void *user;
} head_call;

static size_t count_of(const forker_request *req)
{
    return (size_t)req->heads.len / sizeof(head_call);
}

int forker_request_on_head(forker_request *req, forker_head_fn on_head, void *user)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (on_head == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "on_head: the function is NULL");
    }
    if (req->call.is) {
        return fk_fail(&req->failure, FORKER_E_STATE, "on_head: the request is a call of gRPC, which has metadata");
    }
    int code = fk_response_open(req, &req->failure, "on_head");
    if (code != FORKER_OK) {
        return code;
    }
    if (count_of(req) == CALLS_MAX) {
        return fk_fail(&req->failure, FORKER_E_LIMIT, "on_head: there are %d functions already, which is the most",
                       CALLS_MAX);
    }
    return fk_block_append(&req->heads, &(head_call){on_head, user}, sizeof(head_call))
               ? FORKER_OK
               : fk_fail(&req->failure, FORKER_E_MEMORY, "on_head: out of memory");
}

void fk_on_head_run(forker_request *req, int status)
{
    head_call *calls = (head_call *)(void *)req->heads.data;
    uint8_t state = req->response.state;
    size_t count = count_of(req);
    req->heads.len = 0; /* each is called once */
    req->response.state = FK_RESPONSE_HEAD;
    while (count > 0) {
        const head_call *call = &calls[--count];
        call->fn(req, status, call->user);
    }
    req->response.state = state;
}

void fk_dispatch_head(uintptr_t address, int status)
{
    forker_request *req = (forker_request *)address;
    sigset_t blocked;
    fk_dispatch_enter(req, FK_INSIDE_LATE, &blocked);
    fk_on_head_run(req, status);
    fk_dispatch_leave(req, &blocked);
}
