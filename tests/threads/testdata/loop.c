/*
 * The C parts that foreign threads use, with a loop in C in the place of the engine's: helgrind and ThreadSanitizer,
 * which cannot follow the Go runtime, see every lock and every access. Four threads answer, stream, drop and keep what
 * the loop defers, another one uses handles that are over, and one uses handles that others use too; clients leave, and
 * at the end the loop does, before all is answered.
 *
 * It is linked with the files of capi that it tests; what these need of others is at the end.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/process.h"
#include "exchange/csrf.h"
#include "exchange/deferred.h"
#include "exchange/dispatch.h"
#include "log/log.h"
#include "log/logfile.h"

#ifdef HELGRIND
#include <valgrind/helgrind.h>
#else
#define VALGRIND_HG_DISABLE_CHECKING(address, len) ((void)0)
#endif

enum { OWNERS = 4, REQUESTS = 16, ROUNDS = 400, EVENTS = 8, WAYS = 6 };

/* What the engine knows of a request. */
typedef struct {
    forker_request *req;
    bool has_client, held, streams;
    int rounds; /* that it has been deferred */
} exchange;

static forker_server *server;
static exchange exchanges[REQUESTS];
static fk_mapping memory;
static int closed, sent; /* atomic */

/* ------------------------------------------------------------------------------------------------------- the owners */

/* Handles on their way from the loop to the owners. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    forker_deferred handles[REQUESTS];
    int count;
    forker_deferred latest; /* perhaps over by now; UINT64_MAX: there will be no more */
    forker_deferred shared; /* one that its owner uses by functions on handles only; likewise */
    bool held_back;         /* nobody takes one */
    bool ended;
} handed = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void hand(forker_deferred handle)
{
    pthread_mutex_lock(&handed.lock);
    handed.handles[handed.count++] = handed.latest = handle;
    pthread_cond_signal(&handed.more);
    pthread_mutex_unlock(&handed.lock);
}

static void hold_back(bool held_back)
{
    pthread_mutex_lock(&handed.lock);
    handed.held_back = held_back;
    handed.ended = !held_back;
    pthread_cond_broadcast(&handed.more);
    pthread_mutex_unlock(&handed.lock);
}

static forker_deferred latest(void)
{
    pthread_mutex_lock(&handed.lock);
    forker_deferred handle = handed.latest;
    pthread_mutex_unlock(&handed.lock);
    return handle;
}

static void share(forker_deferred handle)
{
    pthread_mutex_lock(&handed.lock);
    handed.shared = handle;
    pthread_mutex_unlock(&handed.lock);
}

static forker_deferred shared(void)
{
    pthread_mutex_lock(&handed.lock);
    forker_deferred handle = handed.shared;
    pthread_mutex_unlock(&handed.lock);
    return handle;
}

/* 0: there will be no more. */
static forker_deferred next_handle(void)
{
    forker_deferred handle = 0;
    pthread_mutex_lock(&handed.lock);
    while ((handed.count == 0 && !handed.ended) || handed.held_back) {
        pthread_cond_wait(&handed.more, &handed.lock);
    }
    if (handed.count > 0) {
        handle = handed.handles[--handed.count];
    }
    pthread_mutex_unlock(&handed.lock);
    return handle;
}

static void count_close(forker_deferred handle, int reason, void *user)
{
    (void)handle;
    (void)reason;
    __atomic_fetch_add((int *)user, 1, __ATOMIC_RELAXED);
}

/* Lets an owner go on that waits. */
static void wake_owner(forker_deferred handle, void *user)
{
    (void)handle;
    ssize_t written = write(*(int *)user, "", 1);
    (void)written;
}

static void write_pieces(forker_deferred handle, int *ends)
{
    static const char piece[1000];
    char woken;
    forker_stream_on_drain(handle, wake_owner, &ends[1]);
    for (int i = 0, code = forker_stream_begin(handle, -1); i < 20 && code != FORKER_E_ABORTED;) {
        code = forker_stream_write(handle, piece, sizeof piece);
        struct pollfd polled = {.fd = ends[0], .events = POLLIN};
        if (code == FORKER_E_AGAIN && poll(&polled, 1, 20) > 0) { /* or its client has left */
            ssize_t got = read(ends[0], &woken, 1);
            (void)got;
        }
        i += code == FORKER_OK;
    }
    forker_stream_on_drain(handle, NULL, NULL);
    forker_stream_trailer(handle, "X-Sum", "20");
    forker_stream_end(handle);
}

static void use(forker_deferred handle, int way, int *ends)
{
    forker_request *req = forker_deferred_request(handle);
    forker_deferred_on_close(handle, count_close, &closed);
    switch (way) {
    case 0:
        forker_deferred_respond(handle, 200, "text/plain", "whole", 5);
        return;
    case 1: {
        forker_response_status(req, 201);
        forker_response_header_set(req, "X-Field", "value");
        forker_response_write(req, "built", 5);
        char *lent = calloc(1, 8);
        if (forker_response_lend(req, lent, 8, free, lent) != FORKER_OK) {
            abort();
        }
        forker_deferred_send(handle);
        return;
    }
    case 2:
        write_pieces(handle, ends);
        return;
    case 3:
        share(handle);
        forker_sse_begin(handle);
        forker_sse_send(handle, "event", "1", "two\nlines");
        forker_stream_end(handle);
        return;
    case 4:
        forker_deferred_drop(handle);
        return;
    default: /* when the client has left, or not at all */
        for (int i = 0; i < 50 && !forker_deferred_cancelled(handle); i++) {
            usleep(100);
        }
        forker_deferred_resume(handle);
        forker_deferred_respond(handle, 200, NULL, "late", 4);
    }
}

static void *own(void *user)
{
    static int ends[OWNERS][2]; /* for good: on_drain may still be about to write */
    int number = (int)(intptr_t)user, way = number;
    if (pipe(ends[number]) != 0) {
        abort();
    }
    for (forker_deferred handle; (handle = next_handle()) != 0;) {
        use(handle, way++ % WAYS, ends[number]);
    }
    return NULL;
}

/*
 * Whatever it does has no effect: the owner is the only one who may use the handle up, and this one waits until that is
 * done.
 */
static void *meddle(void *user)
{
    (void)user;
    for (forker_deferred handle; (handle = latest()) != UINT64_MAX;) {
        if (handle != 0 && forker_deferred_cancelled(handle) && forker_deferred_request(handle) == NULL) {
            forker_deferred_drop(handle);
            forker_stream_write(handle, "x", 1);
            forker_stream_end(handle);
        }
        usleep(100);
    }
    return NULL;
}

/* Does to a handle at any moment what its owner may be doing too, or has done. */
static void compete(forker_deferred handle, unsigned choice)
{
    switch (choice % 12) {
    case 0:
        forker_deferred_respond(handle, 200, "x/y", "z", 1);
        return;
    case 1:
        forker_deferred_drop(handle);
        return;
    case 2:
        forker_deferred_send(handle);
        return;
    case 3:
        forker_stream_end(handle);
        return;
    case 4:
        forker_stream_begin(handle, -1);
        return;
    case 5:
        forker_stream_write(handle, "x", 1);
        return;
    case 6:
        forker_stream_trailer(handle, "X-A", "b");
        return;
    case 7:
        forker_sse_send(handle, NULL, NULL, "d");
        return;
    case 8:
        forker_deferred_resume(handle);
        return;
    default:
        forker_sse_begin(handle);
    }
}

static void *rival(void *user)
{
    unsigned number = (unsigned)(uintptr_t)user;
    for (forker_deferred handle; (handle = shared()) != UINT64_MAX;) {
        number = number * 1103515245U + 12345U;
        compete(handle, number >> 16);
        if ((number >> 24) % 4 == 0) {
            usleep(10);
        }
    }
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------- the loop */

static void end_request(exchange *ex)
{
    if (ex->req->deferred != NULL) {
        (void)fk_deferred_close((uintptr_t)ex->req, FORKER_CLOSE_DONE);
    }
    fk_dispatch_release((uintptr_t)ex->req);
    fk_response *response = &ex->req->response;
    response->state = response->status = response->flags = 0;
    response->fields.len = response->body.len = response->parts.len = response->trailers.len = 0;
    response->parted = response->extra = 0;
    ex->held = ex->streams = ex->has_client = false;
}

static void send_response(exchange *ex)
{
    __atomic_fetch_add(&sent, (int)ex->req->response.body.len + ex->req->response.status, __ATOMIC_RELAXED);
    end_request(ex);
}

static void send_piece(exchange *ex)
{
    const char *data;
    uint64_t len;
    ex->streams = true;
    bool ended = fk_deferred_take((uintptr_t)ex->req, &data, &len);
    for (uint64_t i = 0; i < len; i++) {
        sent += data[i];
    }
    if (len > 0 && !ended) { /* sent: what it was is given back, and on_drain called */
        ended = fk_deferred_take((uintptr_t)ex->req, &data, &len);
    }
    if (ended && len == 0) {
        end_request(ex);
    }
}

/* engine.Loop.hear */
static void hear(exchange *ex, uint32_t kind)
{
    if (kind + 1 == FK_EVENT_RESUME) {
        return;
    }
    if (kind + 1 != FK_EVENT_STREAM) {
        ex->held = false;
    }
    if (!ex->has_client) {
        if (!ex->held) {
            end_request(ex);
        }
    } else if (kind + 1 == FK_EVENT_STREAM) {
        send_piece(ex);
    } else {
        send_response(ex);
    }
}

static void collect(void)
{
    fk_event events[EVENTS];
    for (int count; (count = fk_deferred_collect(server, events, EVENTS)) > 0;) {
        for (int i = 0; i < count; i++) {
            hear(&exchanges[((forker_request *)events[i].request)->index], events[i].kind);
        }
    }
}

/* engine.Loop.leaveExchange */
static void lose_client(exchange *ex, int reason)
{
    ex->has_client = false;
    __atomic_store_n(&ex->req->cancelled, 1, __ATOMIC_RELAXED);
    if (fk_deferred_close((uintptr_t)ex->req, reason)) {
        ex->held = false;
        end_request(ex);
    }
}

static void begin(exchange *ex)
{
    forker_deferred handle;
    ex->rounds++;
    ex->has_client = ex->held = true;
    ex->req->cancelled = 0;
    if (forker_request_defer(ex->req, &handle) != FORKER_OK) {
        abort();
    }
    hand(handle);
}

/* Takes turns until so many requests are begun. */
static void run_loop(int requests)
{
    for (int turn = 0, begun = 0; begun < requests; turn++) {
        struct pollfd polled = {.fd = server->queue.fd, .events = POLLIN};
        (void)poll(&polled, 1, 1);
        collect();
        exchange *unlucky = &exchanges[turn % REQUESTS];
        if (turn % 7 == 0 && unlucky->has_client) {
            lose_client(unlucky, FORKER_CLOSE_CLIENT);
        }
        for (int i = 0; i < REQUESTS; i++) {
            if (!exchanges[i].held && !exchanges[i].has_client) {
                begin(&exchanges[i]);
                begun++;
            }
        }
    }
}

/* engine.Loop.Close of a loop in the host */
static int end_loop(void)
{
    for (int i = 0; i < REQUESTS; i++) {
        if (exchanges[i].has_client) {
            lose_client(&exchanges[i], FORKER_CLOSE_SHUTDOWN);
        }
    }
    collect();
    for (int i = 0; i < REQUESTS; i++) {
        if (!exchanges[i].held) {
            fk_dispatch_free((uintptr_t)exchanges[i].req);
        }
    }
    return fk_deferred_retain(server, &memory, 1);
}

static void set_up(void)
{
    size_t size = (sizeof(forker_request) + 63) & ~(size_t)63;
    server = calloc(1, sizeof *server);
    server->options[FK_OPTION_STREAM_BUFFER].number = 4096;
    memory.len = size * REQUESTS;
    char *pages = mmap(NULL, memory.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory.address = (uintptr_t)pages;
    for (uint32_t i = 0; i < REQUESTS; i++) {
        exchanges[i].req = (forker_request *)(void *)(pages + size * i);
        exchanges[i].req->server = server;
        exchanges[i].req->index = i;
        exchanges[i].req->body_fd = -1;
        /* A flag that is read and written atomically, which helgrind takes for a race. */
        VALGRIND_HG_DISABLE_CHECKING(&exchanges[i].req->cancelled, sizeof exchanges[i].req->cancelled);
    }
    if (fk_deferred_open(server) < 0) {
        abort();
    }
}

int main(void)
{
    pthread_t owners[OWNERS], meddler, competitor;
    int begun = 0;
    set_up();
    for (int i = 0; i < OWNERS; i++) {
        pthread_create(&owners[i], NULL, own, (void *)(intptr_t)i);
    }
    pthread_create(&meddler, NULL, meddle, NULL);
    pthread_create(&competitor, NULL, rival, (void *)(uintptr_t)7);
    run_loop(ROUNDS);
    hold_back(true);
    run_loop(OWNERS);
    int left = end_loop();
    hold_back(false);
    for (int i = 0; i < OWNERS; i++) {
        pthread_join(owners[i], NULL);
    }
    hand(UINT64_MAX);
    share(UINT64_MAX);
    pthread_join(meddler, NULL);
    pthread_join(competitor, NULL);
    fk_deferred_void(server);
    for (int i = 0; i < REQUESTS; i++) {
        begun += exchanges[i].rounds;
    }
    printf("%d requests deferred, %d answered when the loop had ended; %d closed, %d sent\n", begun, left, closed,
           sent);
    free(server);
    return begun >= ROUNDS && left >= OWNERS ? 0 : 1;
}

/* ------------------------------------------------------------------------- what the files under test need of others */

fk_process_state fk_process;
__thread fk_thread_state fk_thread __attribute__((tls_model("initial-exec")));

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
