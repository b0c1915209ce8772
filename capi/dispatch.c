/*
 * The one crossing per request. Around the handler the black box is kept: should the process die inside, the master finds there
 * which request it was.
 */
#include "dispatch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "block.h"
#include "log.h"
#include "process.h"

enum { KEEP_MOST = 256 * 1024, EXIT_LOST = 70 /* EX_SOFTWARE of sysexits.h */ };

static void fill_box(fk_black_box *box, const forker_request *req)
{
    const fk_head *head = &req->head;
    size_t method_len = head->method.len < FK_METHOD_KEPT ? head->method.len : FK_METHOD_KEPT;
    size_t target_len = head->target.len < FK_TARGET_KEPT ? head->target.len : FK_TARGET_KEPT;
    box->method_len = (uint16_t)method_len;
    box->target_len = (uint16_t)(head->target.len < UINT16_MAX ? head->target.len : UINT16_MAX);
    box->peer = req->peer;
    box->route = req->route;
    box->since_ns = req->now_ns;
    memcpy(box->method, req->base + head->method.off, method_len);
    memcpy(box->target, req->base + head->target.off, target_len);
}

/* A fork of a worker that came back from the handler must not go on: the runtime that it would return to is not there. */
static void leave_lost_child(void)
{
    fk_log(fk_process.server, FORKER_LOG_ERROR, "a process forked inside a handler returned from it; it must exec or _exit");
    _exit(EXIT_LOST);
}

int fk_dispatch(forker_request *req)
{
    const fk_route *route = &fk_process.server->routes[req->route];
    fk_black_box *box = &fk_process.slot->box;
    fill_box(box, req);
    __atomic_store_n(&box->busy, 1, __ATOMIC_RELEASE);
    fk_process.in_program = true;
    int result = route->handler(req, route->user);
    fk_process.in_program = false;
    __atomic_store_n(&box->busy, 0, __ATOMIC_RELEASE);
    if (__builtin_expect(fk_process.go_lost, 0)) {
        leave_lost_child();
    }
    if (__builtin_expect(req->texts != NULL, 0)) {
        fk_texts_free(req);
    }
    return result;
}

static void trim_block(fk_block *block)
{
    if (block->cap > KEEP_MOST) {
        free(block->data);
        *block = (fk_block){0};
    }
}

void fk_dispatch_trim(forker_request *req)
{
    trim_block(&req->answer.fields);
    trim_block(&req->answer.body);
}

int fk_dispatch_hook(forker_server *server, const fk_hook *hook)
{
    if (hook->call == NULL) {
        return FORKER_OK;
    }
    fk_process.in_program = true;
    int result = hook->call(server, fk_process.worker, hook->user);
    fk_process.in_program = false;
    return result;
}
