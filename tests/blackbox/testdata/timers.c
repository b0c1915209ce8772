/* Timers on the main thread: timers.c ADDRESS. */
#include "program.h"

#include <pthread.h>
#include <time.h>

enum { THREADS = 4, EACH = 500 };

static pthread_t serving;
static int64_t repeating, doomed;
static int calls, strays, doomed_calls;
static int counted; /* atomic */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void note(forker_server *server, int64_t timer, void *user)
{
    char line[64];
    (void)server;
    strays += timer <= 0 || !pthread_equal(pthread_self(), serving);
    snprintf(line, sizeof line, "timer %s\n", (const char *)user);
    tell(line);
}

static void never(forker_server *server, int64_t timer, void *user)
{
    (void)server;
    (void)timer;
    (void)user;
    doomed_calls++;
}

/* Cancels one that is due too, then itself, and sets another one. */
static void cancel(forker_server *server, int64_t timer, void *user)
{
    (void)user;
    strays += forker_server_timer_cancel(server, doomed) != FORKER_OK;
    strays += forker_server_timer_cancel(server, doomed) != FORKER_E_INVALID;
    strays += forker_server_timer_cancel(server, timer) != FORKER_E_INVALID;
    forker_server_timer(server, 0, 0, note, "after the cancelled one");
}

static void repeat(forker_server *server, int64_t timer, void *user)
{
    (void)user;
    strays += timer != repeating || !pthread_equal(pthread_self(), serving);
    if (++calls == 5) {
        strays += forker_server_timer_cancel(server, timer) != FORKER_OK;
        tell("repeated\n");
    }
}

static int set_some(forker_request *req, void *user)
{
    char text[64];
    forker_server *server = forker_request_server(req);
    int64_t begin = now_ms();
    (void)user;
    forker_server_timer(server, 30, 0, note, "second");
    forker_server_timer(server, 0, 0, note, "first");
    int64_t due = now_ms();
    while (now_ms() < due + 2) { /* so that both are due at once */
    }
    forker_server_timer(server, 40, 0, cancel, NULL);
    doomed = forker_server_timer(server, 40, 0, never, NULL);
    repeating = forker_server_timer(server, 1, 3, repeat, NULL);
    snprintf(text, sizeof text, "%d", now_ms() - begin >= 2 && doomed > 0 && repeating > 0);
    return response_text(req, text);
}

static void count(forker_server *server, int64_t timer, void *user)
{
    (void)server;
    (void)timer;
    (void)user;
    __atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
}

static void *set_many(void *user)
{
    for (int i = 0; i < EACH; i++) {
        int64_t timer = forker_server_timer(user, i % 7, 0, count, NULL);
        int64_t other = forker_server_timer(user, 3600000 - i, 1, never, NULL);
        if (timer <= 0 || other <= 0 || forker_server_timer_cancel(user, other) != FORKER_OK) {
            tell("not set\n");
        }
    }
    return NULL;
}

static int set_on_threads(forker_request *req, void *user)
{
    pthread_t threads[THREADS];
    (void)user;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, set_many, forker_request_server(req));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return response_text(req, "set");
}

static int tell_counts(forker_request *req, void *user)
{
    char text[64];
    (void)user;
    snprintf(text, sizeof text, "%d of %d, %d strays, %d doomed", __atomic_load_n(&counted, __ATOMIC_RELAXED),
             THREADS * EACH, strays, doomed_calls);
    return response_text(req, text);
}

static int check_arguments(forker_request *req, void *user)
{
    char text[128];
    forker_server *server = forker_request_server(req);
    (void)user;
    snprintf(text, sizeof text, "%d %d %d %d %d %d", (int)forker_server_timer(server, -1, 0, note, "x"),
             (int)forker_server_timer(server, 0, -1, note, "x"),
             (int)forker_server_timer(server, INT64_MAX, 0, note, "x"),
             (int)forker_server_timer(server, 0, 0, NULL, "x"), forker_server_timer_cancel(server, 0),
             forker_server_timer_cancel(server, INT64_MAX));
    return response_text(req, text);
}

static int remember(forker_server *server, int32_t worker, void *user)
{
    (void)user;
    serving = pthread_self();
    return tell_worker(server, worker, NULL);
}

static void tell_code(forker_server *server, const char *when)
{
    char line[64];
    snprintf(line, sizeof line, "%s %d %d\n", when, (int)forker_server_timer(server, 1, 0, note, "x"),
             forker_server_timer_cancel(server, 1));
    tell(line);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 2) {
        return 2;
    }
    forker_server_on_worker_init(server, remember, NULL);
    forker_server_handle(server, "GET", "/some", set_some, NULL);
    forker_server_handle(server, "GET", "/threads", set_on_threads, NULL);
    forker_server_handle(server, "GET", "/counts", tell_counts, NULL);
    forker_server_handle(server, "GET", "/arguments", check_arguments, NULL);
    forker_server_listen(server, argv[1]);
    tell_code(server, "before");
    tell_addresses(server);
    int status = run_and_tell(server);
    tell_code(server, "after");
    forker_server_free(server);
    return status;
}
