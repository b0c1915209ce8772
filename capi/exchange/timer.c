/*
 * Timers of the program on the main thread of the process that serves: a heap by their times, and one timerfd for the first of
 * them, which the loop polls. As with post.c, nobody takes the lock while no loop is open.
 *
 * A timer's number is the place of its entry and how often that was used, so that one that has ended is told apart from all that
 * come after it.
 */
#include "exchange/timer.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/process.h"
#include "setup/callback.h"

#define MS_NS UINT64_C(1000000)
#define SECOND_NS UINT64_C(1000000000)
#define MS_MOST (INT64_C(3652) * 24 * 3600 * 1000) /* ten years */

#define NO_ENTRY UINT32_MAX

enum { PLACE_BITS = 32 };

/* A timer, or one that could be one. */
typedef struct {
    uint64_t due_ns;   /* CLOCK_MONOTONIC */
    uint64_t order;    /* of those that are due at once */
    uint64_t every_ns; /* 0: once */
    forker_timer_fn fn;
    void *user;
    uint32_t used;  /* how often the entry was */
    uint32_t place; /* in the heap; NO_ENTRY: it is no timer */
    uint32_t next;  /* of the free entries */
} entry;

struct fk_timer_table {
    entry *entries;
    uint32_t *heap; /* the numbers of entries, the first one to be due at the top */
    uint32_t count; /* in the heap */
    uint32_t made;  /* entries */
    uint32_t cap;   /* of both */
    uint32_t free;  /* the first one; NO_ENTRY: none */
    uint64_t order;
};

static bool is_before(const fk_timer_table *table, uint32_t a, uint32_t b)
{
    const entry *x = &table->entries[a], *y = &table->entries[b];
    return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static void put(fk_timer_table *table, uint32_t place, uint32_t number)
{
    table->heap[place] = number;
    table->entries[number].place = place;
}

static void rise(fk_timer_table *table, uint32_t place)
{
    uint32_t number = table->heap[place];
    while (place > 0 && is_before(table, number, table->heap[(place - 1) / 2])) {
        put(table, place, table->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put(table, place, number);
}

static void sink(fk_timer_table *table, uint32_t place)
{
    uint32_t number = table->heap[place];
    for (uint32_t child = 2 * place + 1; child < table->count; child = 2 * place + 1) {
        child += child + 1 < table->count && is_before(table, table->heap[child + 1], table->heap[child]);
        if (!is_before(table, table->heap[child], number)) {
            break;
        }
        put(table, place, table->heap[child]);
        place = child;
    }
    put(table, place, number);
}

static void insert(fk_timer_table *table, uint32_t number)
{
    table->entries[number].order = table->order++;
    put(table, table->count, number);
    rise(table, table->count++);
}

static void take_out(fk_timer_table *table, uint32_t number)
{
    uint32_t place = table->entries[number].place, last = table->heap[--table->count];
    table->entries[number].place = NO_ENTRY;
    if (last != number) {
        put(table, place, last);
        rise(table, place);
        sink(table, table->entries[last].place);
    }
}

static void release(fk_timer_table *table, uint32_t number)
{
    table->entries[number].next = table->free;
    table->free = number;
}

static bool grow(fk_timer_table *table)
{
    uint32_t cap = table->cap > 0 ? table->cap * 2 : 16;
    entry *entries = cap > table->cap ? realloc(table->entries, cap * sizeof *entries) : NULL;
    table->entries = entries != NULL ? entries : table->entries;
    uint32_t *heap = entries != NULL ? realloc(table->heap, cap * sizeof *heap) : NULL;
    table->heap = heap != NULL ? heap : table->heap;
    table->cap = heap != NULL ? cap : table->cap;
    return heap != NULL;
}

/* An entry that is none of a timer. NO_ENTRY: no memory. */
static uint32_t take_entry(fk_timer_table *table)
{
    uint32_t number = table->free;
    if (number != NO_ENTRY) {
        table->free = table->entries[number].next;
        return number;
    }
    if (table->made == table->cap && !grow(table)) {
        return NO_ENTRY;
    }
    table->entries[table->made].used = 0;
    return table->made++;
}

/* Has the descriptor be readable when the first timer is due. */
static void wind(const fk_timers *timers)
{
    const fk_timer_table *table = timers->table;
    uint64_t due = table->count > 0 ? table->entries[table->heap[0]].due_ns : 0;
    struct itimerspec at = {.it_value = {(time_t)(due / SECOND_NS), (long)(due % SECOND_NS)}};
    (void)timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &at, NULL);
}

int fk_timers_open(forker_server *server)
{
    fk_timer_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return -1;
    }
    table->free = NO_ENTRY;
    int fd = fk_descriptor_raise(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (fd < 0) {
        free(table);
        return -1;
    }
    server->timers.table = table;
    __atomic_store_n(&server->timers.fd, fd, __ATOMIC_RELEASE);
    return fd;
}

/* Locks the timers of a process that serves. false: *code_out says why not. */
static bool lock(forker_server *server, int *code_out)
{
    *code_out = fk_process.go_lost ? FORKER_E_PROCESS : FORKER_E_STATE;
    fk_timers *timers = &server->timers;
    if (fk_process.go_lost || __atomic_load_n(&timers->fd, __ATOMIC_ACQUIRE) < 0) {
        return false;
    }
    (void)pthread_mutex_lock(&timers->lock);
    if (timers->fd < 0) {
        (void)pthread_mutex_unlock(&timers->lock);
        return false;
    }
    return true;
}

static int64_t begin(fk_timers *timers, const entry *wanted)
{
    fk_timer_table *table = timers->table;
    uint32_t number = take_entry(table);
    if (number == NO_ENTRY) {
        return FORKER_E_MEMORY;
    }
    entry *timer = &table->entries[number];
    uint32_t used = (timer->used + 1) & INT32_MAX;
    *timer = *wanted;
    timer->used = used > 0 ? used : 1;
    insert(table, number);
    if (table->heap[0] == number) {
        wind(timers);
    }
    return (int64_t)((uint64_t)timer->used << PLACE_BITS | number);
}

int64_t forker_server_timer(forker_server *server, int64_t first_ms, int64_t every_ms, forker_timer_fn fn, void *user)
{
    int code;
    if (server == NULL || fn == NULL || first_ms < 0 || first_ms > MS_MOST || every_ms < 0 || every_ms > MS_MOST) {
        return FORKER_E_INVALID;
    }
    if (!lock(server, &code)) {
        return code;
    }
    entry wanted = {.due_ns = fk_clock() + (uint64_t)first_ms * MS_NS,
                    .every_ns = (uint64_t)every_ms * MS_NS,
                    .fn = fn,
                    .user = user};
    int64_t timer = begin(&server->timers, &wanted);
    (void)pthread_mutex_unlock(&server->timers.lock);
    return timer;
}

int forker_server_timer_cancel(forker_server *server, int64_t timer)
{
    int code;
    if (server == NULL || timer <= 0) {
        return FORKER_E_INVALID;
    }
    if (!lock(server, &code)) {
        return code == FORKER_E_STATE ? FORKER_E_INVALID : code; /* they ended with the server */
    }
    fk_timer_table *table = server->timers.table;
    uint32_t number = (uint32_t)timer, used = (uint32_t)(timer >> PLACE_BITS);
    code = FORKER_E_INVALID;
    if (number < table->made && table->entries[number].used == used && table->entries[number].place != NO_ENTRY) {
        take_out(table, number);
        release(table, number);
        code = FORKER_OK; /* a descriptor that can be read too early does no harm */
    }
    (void)pthread_mutex_unlock(&server->timers.lock);
    return code;
}

/* Takes the first timer that was due at `now_ns`, to be called. false: there is none, and the descriptor is wound. */
static bool take_due(fk_timers *timers, uint64_t now_ns, entry *due_out, int64_t *timer_out)
{
    fk_timer_table *table = timers->table;
    if (table->count == 0 || table->entries[table->heap[0]].due_ns > now_ns) {
        wind(timers);
        return false;
    }
    uint32_t number = table->heap[0];
    entry *timer = &table->entries[number];
    *due_out = *timer;
    *timer_out = (int64_t)((uint64_t)timer->used << PLACE_BITS | number);
    take_out(table, number);
    if (timer->every_ns > 0) {
        timer->due_ns += ((now_ns - timer->due_ns) / timer->every_ns + 1) * timer->every_ns;
        insert(table, number);
    } else {
        release(table, number);
    }
    return true;
}

void fk_timers_run(forker_server *server)
{
    fk_timers *timers = &server->timers;
    uint64_t expired, now = fk_clock();
    ssize_t got = read(timers->fd, &expired, sizeof expired);
    (void)got; /* what is due is seen below */
    for (bool found = true; found;) {
        entry due;
        int64_t timer;
        (void)pthread_mutex_lock(&timers->lock);
        found = take_due(timers, now, &due, &timer);
        (void)pthread_mutex_unlock(&timers->lock);
        if (found) {
            sigset_t blocked;
            fk_thread_enter_program(&blocked);
            due.fn(server, timer, due.user);
            fk_callback_check(server, "timer");
            fk_thread_leave_program(&blocked);
        }
    }
}

void fk_timers_close(forker_server *server)
{
    fk_timers *timers = &server->timers;
    (void)pthread_mutex_lock(&timers->lock);
    fk_descriptor_close((int *)&timers->fd);
    fk_timer_table *table = timers->table;
    timers->table = NULL;
    (void)pthread_mutex_unlock(&timers->lock);
    if (table != NULL) {
        free(table->entries);
        free(table->heap);
        free(table);
    }
}
