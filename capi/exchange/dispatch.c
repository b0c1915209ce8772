/*
 * The one crossing per request. Around the handler the black box is kept: should the process die inside, the master
 * finds there which request it was.
 */
#include "exchange/dispatch.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "exchange/block.h"
#include "exchange/chain.h"
#include "exchange/failure.h"
#include "exchange/response.h"
#include "exchange/value.h"
#include "log/log.h"
#include "setup/callback.h"

enum { KEEP_MOST = 256 * 1024 };

static inline void note(fk_black_box *box, const forker_request *req, uint64_t since_ns)
{
    const fk_head *head = &req->head;
    size_t method_len = head->method.len < FK_METHOD_KEPT ? head->method.len : FK_METHOD_KEPT;
    size_t target_len = head->target.len < FK_TARGET_KEPT ? head->target.len : FK_TARGET_KEPT;
    box->method_len = (uint16_t)method_len;
    box->target_len = (uint16_t)(head->target.len < UINT16_MAX ? head->target.len : UINT16_MAX);
    box->peer = req->peer;
    box->route = req->route;
    box->since_ns = since_ns;
    memcpy(box->method, req->base + head->method.off, method_len);
    memcpy(box->target, req->base + head->target.off, target_len);
    __atomic_store_n(&box->busy, 1, __ATOMIC_RELEASE);
}

void fk_dispatch_note(fk_black_box *box, const forker_request *req, uint64_t since_ns)
{
    note(box, req, since_ns);
}

void fk_dispatch_enter(forker_request *req, uint8_t inside, sigset_t *blocked)
{
    note(req->box, req, fk_thread.pooled ? fk_clock() : req->now_ns); /* it may have waited for this thread */
    req->inside = inside;
    fk_thread.box = req->box;
    fk_thread_enter_program(blocked);
}

void fk_dispatch_leave(forker_request *req, const sigset_t *blocked)
{
    fk_callback_check(req->server, "handler");
    fk_thread_leave_program(blocked);
    req->inside = FK_INSIDE_NOTHING;
    __atomic_store_n(&req->box->busy, 0, __ATOMIC_RELEASE);
}

int fk_dispatch(uintptr_t address)
{
    forker_request *req = (forker_request *)address;
    const fk_route *route = &req->server->routing.routes[req->route];
    sigset_t blocked;
    fk_dispatch_enter(req, FK_INSIDE_HANDLER, &blocked);
    int result = route->handler(req, route->user);
    fk_dispatch_leave(req, &blocked);
    return result;
}

int fk_dispatch_chain(uintptr_t address, int stage)
{
    forker_request *req = (forker_request *)address;
    sigset_t blocked;
    fk_dispatch_enter(req, FK_INSIDE_HANDLER, &blocked);
    int result = fk_chain_run(req, stage);
    fk_dispatch_leave(req, &blocked);
    return result;
}

int fk_dispatch_body(uintptr_t address, uintptr_t data, uint64_t len, int last)
{
    forker_request *req = (forker_request *)address;
    forker_body_fn on_body = req->on_body;
    const void *piece = data != 0 ? (const void *)data : "";
    if (last > 0 && req->call.on_message) {
        piece = NULL; /* the end is no message */
    }
    if (last != 0) {
        req->on_body = NULL;
    }
    if (last < 0) {
        piece = NULL;
        if (req->deferred == NULL) {
            req->response.state = FK_RESPONSE_WHOLE; /* there is nothing to answer any more */
        }
    }
    sigset_t blocked;
    fk_dispatch_enter(req, FK_INSIDE_ON_BODY, &blocked);
    int result = on_body(req, piece, (size_t)len, last, req->on_body_user);
    fk_dispatch_leave(req, &blocked);
    return result;
}

int fk_dispatch_fits(uintptr_t address)
{
    forker_request *req = (forker_request *)address;
    return fk_response_fits(req, &req->failure, "length");
}

const char *fk_dispatch_failure(uintptr_t address)
{
    return fk_failure_text(&((const forker_request *)address)->failure);
}

static void trim_block(fk_block *block)
{
    if (block->cap > KEEP_MOST) {
        fk_block_free(block);
    }
}

void fk_dispatch_release_parts(fk_response *response)
{
    fk_part *parts = (fk_part *)(void *)response->parts.data;
    size_t count = (size_t)response->parts.len / sizeof *parts;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].release != NULL) {
            parts[i].release(parts[i].user);
        }
    }
    response->parts.len = 0;
}

void fk_dispatch_release(uintptr_t address)
{
    forker_request *req = (forker_request *)address;
    bool in_program = fk_thread.in_program;
    fk_thread.in_program = true;
    fk_values_free(req);
    fk_dispatch_release_parts(&req->response);
    fk_thread.in_program = in_program;
    req->heads.len = 0;
    fk_texts_free(req);
    req->form = NULL;
    req->csrf_cookie = NULL;
    fk_failure_clear(&req->failure);
    trim_block(&req->response.fields);
    trim_block(&req->response.body);
}

void fk_dispatch_free(uintptr_t address)
{
    fk_response *response = &((forker_request *)address)->response;
    fk_block_free(&response->fields);
    fk_block_free(&response->body);
    fk_block_free(&response->parts);
    fk_block_free(&response->trailers);
    fk_block_free(&((forker_request *)address)->passed);
    fk_block_free(&((forker_request *)address)->heads);
}

/* Its black box is one of those that are looked at from now on. */
static void enter_pool(const forker_server *server, uint32_t thread)
{
    fk_slot *slot = fk_server_slot(server, (uint32_t)fk_process.worker);
    uint32_t used = __atomic_load_n(&slot->pool_used, __ATOMIC_RELAXED);
    fk_server_box(server, (uint32_t)fk_process.worker, thread)->thread = (int32_t)syscall(SYS_gettid);
    while (used <= thread && !__atomic_compare_exchange_n(&slot->pool_used, &used, thread + 1, false, __ATOMIC_RELEASE,
                                                          __ATOMIC_RELAXED)) {
    }
}

bool fk_dispatch_thread_start(forker_server *server, uint32_t thread)
{
    fk_thread.pooled = true;
    fk_thread.number = thread;
    fk_thread.mask = fk_process.role == FK_ROLE_HOST ? &server->run.mask : NULL;
    enter_pool(server, thread);
    return fk_callback_hook(server, &server->hooks.thread_start) >= 0;
}

void fk_dispatch_thread_exit(forker_server *server)
{
    (void)fk_callback_hook(server, &server->hooks.thread_exit);
}
