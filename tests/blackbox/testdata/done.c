/*
 * A ledger of requests over all workers: done ADDRESS. Each that a function before has seen is an entry in memory that all
 * processes share, in which it counts how often its end was told. When run has returned the account is told.
 */
#define _GNU_SOURCE

#include "program.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

enum { ENTRIES_MAX = 1 << 22, LIVES_MAX = 1 << 16, WAITING_MAX = 4096 };

static struct {
    uint32_t entries, lives, wrong; /* atomic, as is what follows */
    struct {
        uint32_t done;
        uint32_t life; /* of the worker that has it */
    } entry[ENTRIES_MAX];
    uint8_t ended[LIVES_MAX]; /* 1: the worker has ended by itself, and so told all ends */
} * ledger;

static uint32_t life; /* which of all workers that there were this one is */
static int slot;

/* What threads go on with. */
typedef void (*work)(forker_deferred handle);
static struct {
    pthread_mutex_t lock;
    pthread_cond_t come;
    struct {
        forker_deferred handle;
        work work;
    } items[WAITING_MAX];
    int count;
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

static int before(forker_request *req, void *user)
{
    (void)user;
    uint32_t number = __atomic_fetch_add(&ledger->entries, 1, __ATOMIC_RELAXED);
    if (number >= ENTRIES_MAX) {
        __atomic_fetch_add(&ledger->wrong, 1, __ATOMIC_RELAXED);
        return FORKER_E_LIMIT;
    }
    ledger->entry[number].life = life;
    return forker_request_set(req, slot, &ledger->entry[number].done) == FORKER_OK ? FORKER_NEXT : FORKER_E_INTERNAL;
}

static void done(forker_request *req, const forker_outcome *outcome, void *user)
{
    uint32_t *count = forker_request_get(req, slot);
    (void)user;
    if (count == NULL || outcome->size != sizeof *outcome || forker_request_method(req, NULL)[0] == '\0') {
        __atomic_fetch_add(&ledger->wrong, 1, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
    }
}

static int say(forker_request *req, void *user)
{
    return response_text(req, user);
}

static int fail(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_error(req, 422, "no");
}

static int later(forker_request *req, void *user)
{
    forker_deferred handle;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    (void)pthread_mutex_lock(&waiting.lock);
    bool full = waiting.count == WAITING_MAX;
    if (!full) {
        waiting.items[waiting.count].handle = handle;
        waiting.items[waiting.count++].work = *(work *)user;
    }
    (void)pthread_cond_signal(&waiting.come);
    (void)pthread_mutex_unlock(&waiting.lock);
    if (full) {
        (void)forker_deferred_drop(handle);
    }
    return FORKER_DEFERRED;
}

static void *thread(void *user)
{
    (void)user;
    for (;;) {
        (void)pthread_mutex_lock(&waiting.lock);
        while (waiting.count == 0) {
            (void)pthread_cond_wait(&waiting.come, &waiting.lock);
        }
        forker_deferred handle = waiting.items[--waiting.count].handle;
        work work = waiting.items[waiting.count].work;
        (void)pthread_mutex_unlock(&waiting.lock);
        work(handle);
    }
    return NULL;
}

static void respond(forker_deferred handle)
{
    (void)forker_deferred_respond(handle, 200, "text/plain", "later", 5);
}

static void drop(forker_deferred handle)
{
    (void)forker_deferred_drop(handle);
}

static void go_on(forker_deferred handle)
{
    (void)forker_deferred_next(handle);
}

static void hold(forker_deferred handle)
{
    (void)poll(NULL, 0, 5);
    respond(handle);
}

static void stream(forker_deferred handle)
{
    static char piece[20000];
    (void)forker_stream_begin(handle, -1);
    for (int i = 0; i < 3; i++) {
        (void)forker_stream_write(handle, piece, sizeof piece);
        (void)poll(NULL, 0, 1);
    }
    (void)forker_stream_end(handle);
}

static int take_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)data;
    (void)len;
    (void)user;
    return last > 0 ? response_text(req, "taken") : FORKER_OK;
}

static int take(forker_request *req, void *user)
{
    return forker_request_on_body(req, take_piece, user);
}

static int begin_life(forker_server *server, int32_t worker, void *user)
{
    life = __atomic_fetch_add(&ledger->lives, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++) {
        pthread_t id;
        if (life >= LIVES_MAX || pthread_create(&id, NULL, thread, NULL) != 0) {
            return FORKER_E_SYSTEM;
        }
    }
    return tell_worker(server, worker, user);
}

static int end_life(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    ledger->ended[life] = 1;
    return FORKER_OK;
}

static void tell_account(void)
{
    unsigned once = 0, more = 0, killed = 0, missing = 0;
    for (uint32_t i = 0; i < ledger->entries && i < ENTRIES_MAX; i++) {
        uint32_t count = ledger->entry[i].done;
        once += count == 1;
        more += count > 1;
        killed += count == 0 && !ledger->ended[ledger->entry[i].life];
        missing += count == 0 && ledger->ended[ledger->entry[i].life];
    }
    char line[128];
    snprintf(line, sizeof line, "account: seen %u once %u more %u killed %u missing %u wrong %u\n", ledger->entries,
             once, more, killed, missing, ledger->wrong);
    tell(line);
}

static void set_up(forker_server *server)
{
    static work works[] = {respond, drop, hold, stream, go_on};
    static const char *const names[] = {"/respond", "/drop", "/hold", "/stream"};
    forker_group *all = forker_server_group(server, "");
    forker_route *route;
    forker_group_use(all, before, done, NULL);
    forker_group_handle(all, "GET", "/", say, "hello");
    forker_group_handle(all, "GET", "/fail", fail, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        forker_group_handle(all, "GET", names[i], later, &works[i]);
    }
    forker_group_route(all, "GET", "/pool", say, "pool", &route);
    forker_route_set(route, "dispatch", "pool");
    forker_group_route(all, "POST", "/take", take, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_group_handle(all, "POST", "/whole", say, "whole");
    forker_group *midway = forker_group_group(all, "/midway");
    forker_group_use(midway, later, NULL, &works[4]);
    forker_group_handle(midway, "GET", "", say, "midway");
    forker_group_static(all, "/files", "/usr/share", NULL);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (argc != 2 || ledger == MAP_FAILED) {
        return 2;
    }
    slot = forker_server_slot(server, NULL);
    set_up(server);
    forker_server_on_worker_init(server, begin_life, NULL);
    forker_server_on_worker_exit(server, end_life, NULL);
    forker_server_listen(server, argv[1]);
    int status = serve_to_end(server);
    tell_account();
    return status;
}
