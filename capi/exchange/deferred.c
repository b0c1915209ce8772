/*
 * Requests that are answered later, from any thread.
 *
 * A handle is the index of an entry and the entry's generation, which counts the requests that it has stood for: a
 * handle that is over is told apart for ever. The owner and the loop each end their side once; the entry is free when
 * both have. What the owner does is put into the loop's queue; the loop learns of it by an eventfd, so that no call
 * from a foreign thread enters Go. Where the loop has ended and the process goes on, the owner alone is left.
 *
 * Locks are taken in this order: an entry's, then the queue's or the table's.
 */
#include "exchange/deferred.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/inventory.h"
#include "base/process.h"
#include "exchange/block.h"
#include "exchange/chain.h"
#include "exchange/dispatch.h"
#include "exchange/response.h"

enum { SLAB_ENTRIES = 256, SLABS_MAX = 4096 };

static fk_deferred *slabs[SLABS_MAX];
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static uint32_t slab_count;
static fk_deferred *first_free;

static forker_deferred handle_of(const fk_deferred *deferred)
{
    return (uint64_t)deferred->generation << 32 | (deferred->index + 1);
}

/* With the table's lock. */
static bool add_slab(void)
{
    fk_deferred *slab = slab_count < SLABS_MAX ? calloc(SLAB_ENTRIES, sizeof *slab) : NULL;
    if (slab == NULL) {
        return false;
    }
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (uint32_t i = SLAB_ENTRIES; i-- > 0;) {
        (void)pthread_mutex_init(&slab[i].lock, NULL);
        (void)pthread_cond_init(&slab[i].change, &monotonic);
        slab[i].index = slab_count * SLAB_ENTRIES + i;
        slab[i].next_free = first_free;
        first_free = &slab[i];
    }
    __atomic_store_n(&slabs[slab_count], slab, __ATOMIC_RELEASE);
    slab_count++;
    return true;
}

static fk_deferred *take_entry(void)
{
    (void)pthread_mutex_lock(&table_lock);
    fk_deferred *deferred = first_free != NULL || add_slab() ? first_free : NULL;
    if (deferred != NULL) {
        first_free = deferred->next_free;
    }
    (void)pthread_mutex_unlock(&table_lock);
    return deferred;
}

int fk_deferred_over(void)
{
    return fk_process.go_lost ? FORKER_E_PROCESS : FORKER_E_ABORTED;
}

fk_deferred *fk_deferred_lock(forker_deferred handle)
{
    uint32_t index = (uint32_t)handle - 1;
    /* In a process that was forked off one which serves, a lock may be held by a thread that is not there. */
    if (index >= SLABS_MAX * SLAB_ENTRIES || fk_process.go_lost) {
        return NULL;
    }
    fk_deferred *slab = __atomic_load_n(&slabs[index / SLAB_ENTRIES], __ATOMIC_ACQUIRE);
    if (slab == NULL) {
        return NULL;
    }
    fk_deferred *deferred = &slab[index % SLAB_ENTRIES];
    (void)pthread_mutex_lock(&deferred->lock);
    if (deferred->generation != handle >> 32 || deferred->state == FK_DEFERRED_FREE ||
        deferred->state == FK_DEFERRED_ENDED) {
        (void)pthread_mutex_unlock(&deferred->lock);
        return NULL;
    }
    return deferred;
}

int fk_deferred_unlock(fk_deferred *deferred, int code)
{
    (void)pthread_mutex_unlock(&deferred->lock);
    return code;
}

int fk_deferred_refuse(forker_deferred handle, const char *verb, int code, const char *fault)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    return deferred != NULL ? fk_deferred_unlock(deferred, fk_fail(&deferred->failure, code, "%s: %s", verb, fault))
                            : code;
}

int fk_deferred_abort(fk_deferred *deferred, const char *verb)
{
    return fk_deferred_unlock(deferred, fk_fail(&deferred->failure, FORKER_E_ABORTED, "%s: the client has left", verb));
}

const char *fk_deferred_failure(uintptr_t request)
{
    const forker_request *req = (const forker_request *)request;
    const char *text = fk_failure_text(&req->deferred->failure);
    return text[0] != '\0' ? text : fk_failure_text(&req->failure);
}

/* With the queue's lock. */
static void unlink_entry(fk_queue *queue, fk_deferred *deferred)
{
    *(deferred->prev != NULL ? &deferred->prev->next : &queue->first) = deferred->next;
    *(deferred->next != NULL ? &deferred->next->prev : &queue->last) = deferred->prev;
    deferred->queued = false;
}

/* With the entry's lock. */
static void leave_queue(fk_deferred *deferred)
{
    fk_queue *queue = &deferred->req->server->queue;
    (void)pthread_mutex_lock(&queue->lock);
    if (deferred->queued) {
        unlink_entry(queue, deferred);
    }
    (void)pthread_mutex_unlock(&queue->lock);
}

/*
 * Both sides have ended. With the entry's lock, which is released. The entry leaves the queue, if it was put there
 * again: its next request may be another server's.
 */
static void release(fk_deferred *deferred)
{
    if (deferred->retained == NULL) { /* else there is no queue any more */
        leave_queue(deferred);
    }
    deferred->req->deferred = NULL;
    deferred->req = NULL;
    deferred->retained = NULL;
    deferred->state = FK_DEFERRED_FREE;
    deferred->generation++;
    deferred->event = FK_EVENT_NONE;
    fk_block_free(&deferred->pending);
    fk_block_free(&deferred->sending);
    fk_failure_clear(&deferred->failure);
    (void)pthread_mutex_lock(&table_lock);
    deferred->next_free = first_free;
    first_free = deferred;
    (void)pthread_mutex_unlock(&table_lock);
    (void)pthread_mutex_unlock(&deferred->lock);
}

/* The same where the loop had ended before: what it would do to the request is done here. */
static void end_late(fk_deferred *deferred)
{
    uintptr_t request = (uintptr_t)deferred->req;
    fk_retained *retained = deferred->retained;
    int file = deferred->req->body_fd;
    release(deferred);
    fk_chain_end(request);
    fk_dispatch_release(request);
    fk_dispatch_free(request);
    if (file >= 0) {
        fk_inventory_close(file);
    }
    fk_retained_release(retained);
}

/* -------------------------------------------------------------------------------------------------------- the queue */

int fk_deferred_open(forker_server *server)
{
    fk_queue *queue = &server->queue;
    *queue = (fk_queue){.fd = fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))};
    (void)pthread_mutex_init(&queue->lock, NULL);
    return queue->fd;
}

static void enqueue(fk_queue *queue, fk_deferred *deferred)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool wake = queue->first == NULL;
    if (!deferred->queued) {
        deferred->queued = true;
        deferred->next = NULL;
        deferred->prev = queue->last;
        *(queue->last != NULL ? &queue->last->next : &queue->first) = deferred;
        queue->last = deferred;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (wake) {
        ssize_t written = write(queue->fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written; /* it cannot fail: the counter is far from its end */
    }
}

void fk_deferred_tell(fk_deferred *deferred, uint32_t event)
{
    if (event > deferred->event) {
        deferred->event = event;
    }
    enqueue(&deferred->req->server->queue, deferred);
    (void)pthread_mutex_unlock(&deferred->lock);
}

int fk_deferred_end(fk_deferred *deferred, uint32_t event)
{
    bool closed = deferred->closed;
    if (deferred->retained != NULL) {
        end_late(deferred);
        return FORKER_E_ABORTED;
    }
    deferred->state = FK_DEFERRED_ENDED;
    (void)pthread_cond_broadcast(&deferred->change);
    fk_deferred_tell(deferred, closed ? FK_EVENT_RELEASE : event);
    return closed ? FORKER_E_ABORTED : FORKER_OK;
}

/*
 * Takes up to `most` entries off the queue. No entry is there twice, so none is among them twice. *interims_out tells if
 * there are interim responses, among them all that were handed over before what is taken.
 */
static int dequeue(fk_queue *queue, fk_deferred **entries, int most, bool *interims_out)
{
    int count = 0;
    (void)pthread_mutex_lock(&queue->lock);
    *interims_out = queue->first_interim != NULL;
    while (count < most && queue->first != NULL) {
        entries[count++] = queue->first;
        unlink_entry(queue, queue->first);
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}

int fk_deferred_collect(forker_server *server, fk_event *events, int most)
{
    enum { BATCH = 64 };
    fk_deferred *entries[BATCH];
    uint64_t woken;
    int count = 0;
    ssize_t got = read(server->queue.fd, &woken, sizeof woken);
    (void)got; /* nothing there: an earlier call has taken all */
    bool interims;
    most = (most < BATCH ? most : BATCH) - 1;
    int taken = dequeue(&server->queue, entries, most, &interims);
    if (taken == most) { /* perhaps not all: look again */
        ssize_t written = write(server->queue.fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written;
    }
    if (interims) {
        events[count++] = (fk_event){.kind = FK_EVENT_INTERIM - 1};
    }
    for (int i = 0; i < taken; i++) {
        fk_deferred *deferred = entries[i];
        (void)pthread_mutex_lock(&deferred->lock);
        uint32_t event = deferred->event;
        deferred->event = FK_EVENT_NONE;
        if (event == FK_EVENT_NONE) { /* it was queued again before it was looked at the last time */
            (void)pthread_mutex_unlock(&deferred->lock);
            continue;
        }
        events[count++] = (fk_event){(uintptr_t)deferred->req, deferred->req->serial, event - 1, 0};
        if (event == FK_EVENT_RELEASE) {
            release(deferred);
        } else {
            (void)pthread_mutex_unlock(&deferred->lock);
        }
    }
    return count;
}

/* ------------------------------------------------------------------------------------------------------ loop's side */

/* Calls `visit` for the entries of all requests of a server, with their locks, which it releases. */
static void visit_all(const forker_server *server, void (*visit)(fk_deferred *deferred, void *user), void *user)
{
    (void)pthread_mutex_lock(&table_lock);
    uint32_t slab_total = slab_count;
    (void)pthread_mutex_unlock(&table_lock);
    for (uint32_t i = 0; i < slab_total * SLAB_ENTRIES; i++) {
        fk_deferred *deferred = &slabs[i / SLAB_ENTRIES][i % SLAB_ENTRIES];
        (void)pthread_mutex_lock(&deferred->lock);
        if (deferred->req != NULL && deferred->req->server == server) {
            visit(deferred, user);
        } else {
            (void)pthread_mutex_unlock(&deferred->lock);
        }
    }
}

typedef struct {
    fk_retained *retained;
    int count;
} leaving;

static void retain(fk_deferred *deferred, void *user)
{
    leaving *left = user;
    if (deferred->retained != NULL) { /* of an earlier loop */
        (void)pthread_mutex_unlock(&deferred->lock);
        return;
    }
    if (left->retained == NULL) { /* no memory: the handle is void, and what it stands for is lost */
        release(deferred);
        return;
    }
    leave_queue(deferred);
    deferred->retained = left->retained;
    (void)pthread_cond_broadcast(&deferred->change);
    fk_retained_hold(left->retained);
    if (deferred->state == FK_DEFERRED_ENDED) { /* the loop has not heard of it any more */
        end_late(deferred);
        return;
    }
    left->count++;
    (void)pthread_mutex_unlock(&deferred->lock);
}

int fk_deferred_retain(forker_server *server, const fk_mapping *mappings, size_t count)
{
    leaving left = {.retained = fk_retained_new(mappings, count)};
    visit_all(server, retain, &left);
    if (left.retained != NULL) {
        fk_retained_release(left.retained);
    }
    /*
     * What is done to a request is done under its entry's lock, so nobody has the queue now, and nobody finds it any
     * more.
     */
    (void)close(server->queue.fd);
    (void)pthread_mutex_destroy(&server->queue.lock);
    server->queue.fd = -1;
    return left.count;
}

static void make_void(fk_deferred *deferred, void *user)
{
    (void)user;
    end_late(deferred);
}

void fk_deferred_void(const forker_server *server)
{
    visit_all(server, make_void, NULL);
}

bool fk_deferred_close(uintptr_t request, int reason)
{
    forker_request *req = (forker_request *)request;
    fk_deferred *deferred = req->deferred;
    (void)pthread_mutex_lock(&deferred->lock);
    forker_deferred handle = handle_of(deferred);
    forker_close_fn on_close = deferred->on_close;
    void *user = deferred->on_close_user;
    bool ended = deferred->state == FK_DEFERRED_ENDED;
    deferred->closed = true;
    /* Not before, unless the program was told already: whoever sees it finds that the handle is over. */
    __atomic_store_n(&req->cancelled, 1, __ATOMIC_RELAXED);
    (void)pthread_cond_broadcast(&deferred->change);
    if (ended) {
        release(deferred);
    } else {
        deferred->event = FK_EVENT_NONE; /* of a stream: nobody will read it */
        (void)pthread_mutex_unlock(&deferred->lock);
    }
    if (on_close != NULL) {
        sigset_t blocked;
        fk_thread_enter_program(&blocked);
        on_close(handle, reason, user);
        fk_thread_leave_program(&blocked);
    }
    return ended;
}

void fk_deferred_leave(uintptr_t request)
{
    fk_deferred *deferred = ((forker_request *)request)->deferred;
    (void)pthread_mutex_lock(&deferred->lock);
    release(deferred);
}

/* Frees what has been made for a message that alone was larger than all that may wait, `most`. */
static void shrink(fk_block *block, uint64_t most)
{
    if (block->cap / 2 > most) {
        fk_block_free(block);
    }
}

bool fk_deferred_take(uintptr_t request, const char **data_out, uint64_t *len_out)
{
    fk_deferred *deferred = ((forker_request *)request)->deferred;
    (void)pthread_mutex_lock(&deferred->lock);
    fk_block written = deferred->sending;
    deferred->sending = deferred->pending;
    written.len = 0;
    deferred->pending = written;
    int64_t most = fk_server_option(deferred->req->server, FK_OPTION_STREAM_BUFFER);
    if (deferred->sending.len == 0) {
        shrink(&deferred->sending, (uint64_t)most);
        shrink(&deferred->pending, (uint64_t)most);
    }
    *data_out = deferred->sending.data;
    *len_out = deferred->sending.len;
    bool over = deferred->state == FK_DEFERRED_ENDED;
    bool ended = over && !deferred->dropped; /* what was dropped must not look whole */
    bool drained = deferred->wants_drain && !over && (int64_t)deferred->sending.len <= most / 2;
    deferred->wants_drain = deferred->wants_drain && !drained;
    if (drained) {
        (void)pthread_cond_broadcast(&deferred->change);
    }
    forker_drain_fn on_drain = deferred->on_drain;
    void *user = deferred->on_drain_user;
    forker_deferred handle = handle_of(deferred);
    (void)pthread_mutex_unlock(&deferred->lock);
    if (drained && on_drain != NULL) {
        sigset_t blocked;
        fk_thread_enter_program(&blocked);
        on_drain(handle, user);
        fk_thread_leave_program(&blocked);
    }
    return ended;
}

/* ----------------------------------------------------------------------------------------------------- owner's side */

int forker_request_defer(forker_request *req, forker_deferred *handle_out)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (handle_out == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "defer: handle_out is NULL");
    }
    if (fk_process.go_lost) {
        return fk_fail(&req->failure, FORKER_E_PROCESS, "defer: the request is that of another process");
    }
    if (req->deferred != NULL) {
        return fk_fail(&req->failure, FORKER_E_STATE, "defer: the request is deferred already");
    }
    if (req->inside == FK_INSIDE_LATE) {
        return fk_fail(&req->failure, FORKER_E_STATE, "defer: an error function answers at once");
    }
    int code = fk_response_open(req, &req->failure, "defer");
    if (code != FORKER_OK) {
        return code;
    }
    fk_deferred *deferred = take_entry();
    if (deferred == NULL) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "defer: no memory, or too many handles");
    }
    (void)pthread_mutex_lock(&deferred->lock);
    deferred->state = FK_DEFERRED_OPEN;
    deferred->closed = deferred->dropped = deferred->wants_drain = false;
    deferred->event = FK_EVENT_NONE;
    deferred->req = req;
    deferred->on_close = NULL;
    deferred->on_drain = NULL;
    deferred->promised = -1;
    *handle_out = handle_of(deferred);
    req->deferred = deferred;
    (void)pthread_mutex_unlock(&deferred->lock);
    return FORKER_OK;
}

forker_request *forker_deferred_request(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return NULL;
    }
    forker_request *req = deferred->req;
    (void)pthread_mutex_unlock(&deferred->lock);
    return req;
}

/* Fails if a stream has begun. */
static int check_open(fk_deferred *deferred, const char *verb)
{
    if (deferred->state != FK_DEFERRED_OPEN) {
        return fk_fail(&deferred->failure, FORKER_E_STATE, "%s: a stream has begun", verb);
    }
    return FORKER_OK;
}

int forker_deferred_respond(forker_deferred handle, int status, const char *content_type, const void *body, size_t len)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    static const char verb[] = "deferred_respond";
    int code = check_open(deferred, verb);
    if (code == FORKER_OK && !deferred->closed) {
        code =
            fk_respond(deferred->req, &deferred->failure, verb, &(fk_text_response){status, content_type, body, len});
    }
    return code == FORKER_OK ? fk_deferred_end(deferred, FK_EVENT_ANSWER) : fk_deferred_unlock(deferred, code);
}

int forker_deferred_send(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    static const char verb[] = "deferred_send";
    int code = check_open(deferred, verb);
    if (code == FORKER_OK && !deferred->closed) {
        code = deferred->req->response.state != FK_RESPONSE_NONE
                   ? fk_response_fits(deferred->req, &deferred->failure, verb)
                   : fk_fail(&deferred->failure, FORKER_E_STATE, "%s: nothing is set or written", verb);
    }
    return code == FORKER_OK ? fk_deferred_end(deferred, FK_EVENT_ANSWER) : fk_deferred_unlock(deferred, code);
}

int forker_deferred_drop(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    deferred->dropped = true;
    return fk_deferred_end(deferred, FK_EVENT_DROP);
}

int forker_deferred_cancelled(forker_deferred handle)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return 1;
    }
    int cancelled = deferred->closed || __atomic_load_n(&deferred->req->cancelled, __ATOMIC_RELAXED) != 0;
    return fk_deferred_unlock(deferred, cancelled);
}

int forker_deferred_error(forker_deferred handle, char *text_out, size_t size)
{
    if (text_out == NULL || size == 0) {
        return FORKER_E_INVALID;
    }
    text_out[0] = '\0';
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    const char *text = fk_failure_text(&deferred->failure);
    size_t len = strnlen(text, size - 1);
    memcpy(text_out, text, len);
    text_out[len] = '\0';
    return fk_deferred_unlock(deferred, FORKER_OK);
}

int forker_deferred_on_close(forker_deferred handle, forker_close_fn on_close, void *user)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    deferred->on_close = on_close;
    deferred->on_close_user = user;
    return deferred->closed ? fk_deferred_abort(deferred, "on_close") : fk_deferred_unlock(deferred, FORKER_OK);
}
