/*
 * Interim responses, with a loop in C in the place of the engine's, as in loop.c: handlers on threads of a pool, threads
 * that have handles, and clients that leave at any moment. What was handed over must be there before the response is,
 * in its order, and belong to that request.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "exchange/csrf.h"
#include "exchange/deferred.h"
#include "exchange/dispatch.h"
#include "exchange/engine.h"
#include "exchange/wire.h"
#include "log/log.h"
#include "log/logfile.h"

#ifdef HELGRIND
#include <valgrind/helgrind.h>
#else
#define VALGRIND_HG_DISABLE_CHECKING(address, len) ((void)0)
#endif

enum { THREADS = 3, REQUESTS = 8, ROUNDS = 600, EVENTS = 8, HINTS = 4 };

/* What the engine knows of a request. */
typedef struct {
    forker_request *req;
    bool has_client, running, held, early;
    int seen;   /* interim responses that came to the loop */
    int handed; /* how many the program was told are on their way; whoever has the request counts */
} exchange;

typedef struct {
    exchange *ex;
    forker_deferred handle; /* 0: a handler is to be called */
} job;

static forker_server *server;
static exchange exchanges[REQUESTS];
static int failures, received; /* the loop's */
static __thread fk_black_box box;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    job jobs[2 * REQUESTS];
    int count;
    bool ended;
    exchange *done[REQUESTS]; /* whose handler has returned on the pool */
    int done_count;
} handed = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void fail(const char *what)
{
    fprintf(stderr, "not so: %s\n", what);
    __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------------------------------------------ the program */

static void hand(job work)
{
    pthread_mutex_lock(&handed.lock);
    handed.jobs[handed.count++] = work;
    pthread_cond_signal(&handed.more);
    pthread_mutex_unlock(&handed.lock);
}

/* Hands some interim responses over; each says which one of its request it is. */
static void hint(exchange *ex)
{
    for (int i = 0; i < HINTS; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", ex->handed);
        int code = forker_respond_interim(ex->req, 103, "X-Number", value);
        ex->handed += code == FORKER_OK;
        if (code != FORKER_OK && code != FORKER_E_ABORTED) {
            fail("an interim response is handed over, or the client has left");
        }
    }
}

/* Answers at once, or leaves that to another thread, which may do so before this one has returned. */
static int handle(forker_request *req, void *user)
{
    exchange *ex = &exchanges[req->index];
    forker_deferred later = 0;
    int fd = -1;
    (void)user;
    hint(ex);
    if (fk_thread.pooled && forker_request_hijack(req, &fd, NULL, NULL) != FORKER_E_STATE) {
        fail("a handler on the pool takes no connection over");
    }
    if (!fk_thread.pooled || forker_request_cancelled(req) || req->serial % 2 == 0) {
        return forker_respond(req, 200, NULL, "x", 1);
    }
    if (forker_request_defer(req, &later) != FORKER_OK) {
        abort();
    }
    hand((job){ex, later});
    return FORKER_DEFERRED;
}

static void call_handler(exchange *ex)
{
    ex->req->box = &box;
    (void)fk_dispatch((uintptr_t)ex->req);
    pthread_mutex_lock(&handed.lock);
    handed.done[handed.done_count++] = ex;
    pthread_mutex_unlock(&handed.lock);
}

static void *work(void *user)
{
    (void)user;
    fk_thread.pooled = true;
    for (;;) {
        pthread_mutex_lock(&handed.lock);
        while (handed.count == 0 && !handed.ended) {
            pthread_cond_wait(&handed.more, &handed.lock);
        }
        job next = handed.count > 0 ? handed.jobs[--handed.count] : (job){0};
        pthread_mutex_unlock(&handed.lock);
        if (next.ex == NULL) {
            return NULL;
        }
        if (next.handle == 0) {
            call_handler(next.ex);
            continue;
        }
        hint(next.ex);
        forker_deferred_respond(next.handle, 200, NULL, "later", 5);
    }
}

/* --------------------------------------------------------------------------------------------------------- the loop */

static bool is_over(const exchange *ex)
{
    return !ex->has_client && !ex->running && !ex->held;
}

static void end_request(exchange *ex)
{
    if (ex->req->deferred != NULL) {
        (void)fk_deferred_close((uintptr_t)ex->req, FORKER_CLOSE_DONE);
    }
    fk_dispatch_release((uintptr_t)ex->req);
    fk_response *response = &ex->req->response;
    response->state = 0;
    response->fields.len = response->body.len = 0;
    ex->req->serial++;
    ex->has_client = ex->held = ex->early = false;
}

/* The response is there: if the client still is, nothing of what comes before it may be missing. */
static void respond(exchange *ex)
{
    if (ex->has_client && ex->seen != ex->handed) {
        fail("all interim responses come before the response");
    }
    end_request(ex);
}

/* engine.Loop.sendInterims */
static void take_interims(void)
{
    char line[32];
    for (const fk_interim *interim; (interim = fk_wire_take(server)) != NULL;) {
        forker_request *req = (forker_request *)interim->request;
        exchange *ex = &exchanges[req->index];
        if (req->serial != interim->serial || !ex->has_client) {
            continue;
        }
        snprintf(line, sizeof line, "X-Number: %d\r\n", ex->seen++);
        received++;
        if (interim->len != strlen(line) || memcmp(interim->field, line, strlen(line)) != 0) {
            fail("interim responses come in their order, and only those of the request");
        }
    }
}

static void hear(exchange *ex)
{
    ex->held = false;
    if (ex->running) {
        ex->early = true;
    } else if (ex->has_client) {
        respond(ex);
    } else {
        end_request(ex);
    }
}

/* engine.Loop.collect */
static void collect(void)
{
    fk_event events[EVENTS];
    for (int count; (count = fk_deferred_collect(server, events, EVENTS)) > 0;) {
        for (int i = 0; i < count; i++) {
            forker_request *req = (forker_request *)events[i].request;
            if (req == NULL || __atomic_load_n(&req->interims, __ATOMIC_RELAXED) != 0) {
                take_interims();
            }
            if (req != NULL && req->serial == events[i].serial) {
                hear(&exchanges[req->index]);
            }
        }
    }
}

/* engine.Loop.finishPooled */
static void finish_pooled(void)
{
    exchange *done[REQUESTS];
    pthread_mutex_lock(&handed.lock);
    int count = handed.done_count;
    memcpy(done, handed.done, sizeof done);
    handed.done_count = 0;
    pthread_mutex_unlock(&handed.lock);
    for (int i = 0; i < count; i++) {
        exchange *ex = done[i];
        take_interims();
        ex->running = false;
        ex->held = ex->req->deferred != NULL && !ex->early;
        if (!ex->has_client && ex->held && fk_deferred_close((uintptr_t)ex->req, FORKER_CLOSE_CLIENT)) {
            ex->held = false;
        }
        if (!ex->held) {
            respond(ex);
        }
    }
}

/* engine.Loop.leaveExchange */
static void lose_client(exchange *ex)
{
    ex->has_client = false;
    __atomic_store_n(&ex->req->cancelled, 1, __ATOMIC_RELAXED);
    if (ex->held && fk_deferred_close((uintptr_t)ex->req, FORKER_CLOSE_CLIENT)) {
        ex->held = false;
    }
    if (is_over(ex)) {
        end_request(ex);
    }
}

static void begin(exchange *ex, int round)
{
    ex->has_client = true;
    ex->seen = ex->handed = 0;
    __atomic_store_n(&ex->req->cancelled, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&ex->req->interims, 0, __ATOMIC_RELAXED);
    if (round % 9 == 0) { /* on the loop's thread */
        ex->req->box = &box;
        (void)fk_dispatch((uintptr_t)ex->req);
        respond(ex);
        return;
    }
    ex->running = true;
    hand((job){ex, 0});
}

/* Takes turns until so many requests are begun and all are over. */
static void run_loop(void)
{
    int begun = 0;
    for (int turn = 0, busy = 1; begun < ROUNDS || busy > 0; turn++) {
        struct pollfd polled = {.fd = server->queue.fd, .events = POLLIN};
        (void)poll(&polled, 1, 1);
        finish_pooled();
        collect();
        if (turn % 5 == 0 && exchanges[turn % REQUESTS].has_client) {
            lose_client(&exchanges[turn % REQUESTS]);
        }
        busy = 0;
        for (int i = 0; i < REQUESTS; i++) {
            if (is_over(&exchanges[i]) && begun < ROUNDS) {
                begin(&exchanges[i], begun++);
            }
            busy += !is_over(&exchanges[i]);
        }
    }
}

static void set_up(void)
{
    static fk_route route = {.handler = handle};
    static forker_request requests[REQUESTS];
    server = calloc(1, sizeof *server);
    server->routing.routes = &route;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        forker_request *req = exchanges[i].req = &requests[i];
        req->server = server;
        req->index = i;
        req->body_fd = -1;
        req->base = (char *)"";
        req->head.version = 11;
        /* Flags that are read and written atomically, which helgrind takes for races. */
        VALGRIND_HG_DISABLE_CHECKING(&req->cancelled, sizeof req->cancelled);
        VALGRIND_HG_DISABLE_CHECKING(&req->interims, sizeof req->interims);
    }
    if (fk_deferred_open(server) < 0) {
        abort();
    }
}

int main(void)
{
    pthread_t threads[THREADS];
    set_up();
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work, NULL);
    }
    run_loop();
    pthread_mutex_lock(&handed.lock);
    handed.ended = true;
    pthread_cond_broadcast(&handed.more);
    pthread_mutex_unlock(&handed.lock);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < REQUESTS; i++) {
        fk_dispatch_free((uintptr_t)exchanges[i].req);
    }
    (void)fk_deferred_retain(server, NULL, 0);
    printf("%d interim responses came\n", received);
    free(server);
    return failures == 0 && received > ROUNDS ? 0 : 1;
}

/* ------------------------------------------------------------------------- what the files under test need of others */

fk_process_state fk_process;
__thread fk_thread_state fk_thread __attribute__((tls_model("initial-exec")));

int fk_engine_interim(forker_request *req, int status, const fk_block *line)
{
    (void)status;
    (void)line;
    exchanges[req->index].seen++;
    return FORKER_OK;
}

int fk_engine_hijack(forker_request *req, int *fd_out)
{
    (void)req;
    (void)fd_out;
    return FORKER_E_SYSTEM;
}

void fk_engine_look(forker_request *req)
{
    (void)req;
}

uint64_t fk_clock(void)
{
    return 0;
}

int fk_csrf_pass(forker_request *req)
{
    (void)req;
    return FORKER_E_INTERNAL; /* there are no gates here */
}

void fk_log(forker_server *own_server, int level, const char *format, ...)
{
    (void)own_server;
    (void)level;
    fputs(format, stderr);
}

bool fk_process_draining(const forker_server *own_server)
{
    (void)own_server;
    return false;
}

int fk_logfile_open(forker_server *own_server)
{
    (void)own_server;
    return FORKER_OK;
}
