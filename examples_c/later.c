/*
 * Responses that do not come from the handler at once. Start it with `build/later` (or `build/later 127.0.0.1:9000`),
 * then:
 *
 *     curl http://localhost:8080/sleep      a handler that blocks, on a thread of the pool: others are served meanwhile
 *     curl http://localhost:8080/square/12  handed to a thread of the program, which answers when it is done
 *     curl -N http://localhost:8080/clock   server-sent events, one each second, for as long as the client stays
 *
 * End it with Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <forker.h>

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { JOBS_MAX = 1000, CLOCKS_MAX = 1000 };

/* What handlers give the program's threads to work on. Each worker has its own, as it has its own threads. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t job_added = PTHREAD_COND_INITIALIZER;
static forker_deferred jobs[JOBS_MAX], clocks[CLOCKS_MAX];
static size_t job_count, clock_count;

static void sleep_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* ------------------------------------------------------------------------------------------------- on the pool */

static int respond_slowly(forker_request *req, void *user) {
    (void)user;
    sleep_ms(500); /* a signal may cut it short: see docs/EMBEDDING.md */
    return forker_respond(req, 200, "text/plain", "half a second\n", 14);
}

/* --------------------------------------------------------------------------------------- by the program's thread */

/* Takes a handle and leaves the response to the thread. Too many: the client is told now. */
static int add_job(forker_request *req, void *user) {
    forker_deferred handle;
    (void)user;
    int added = 0;
    pthread_mutex_lock(&lock);
    if (job_count < JOBS_MAX && forker_request_defer(req, &handle) == FORKER_OK) {
        jobs[job_count++] = handle;
        pthread_cond_signal(&job_added);
        added = 1;
    }
    pthread_mutex_unlock(&lock);
    return added ? FORKER_DEFERRED : forker_respond_error(req, 503, "too many jobs");
}

/* The request can still be read; this also ends well if the client has left meanwhile. */
static void do_job(forker_deferred handle) {
    char text[64];
    long n = strtol(forker_request_param(forker_deferred_request(handle), "n", NULL), NULL, 10);
    n = n > -1000000 && n < 1000000 ? n : 0;
    int len = snprintf(text, sizeof text, "%ld\n", n * n);
    forker_deferred_respond(handle, 200, "text/plain", text, (size_t)len);
}

static void *do_jobs(void *unused) {
    for (;;) {
        pthread_mutex_lock(&lock);
        while (job_count == 0)
            pthread_cond_wait(&job_added, &lock);
        forker_deferred handle = jobs[--job_count];
        pthread_mutex_unlock(&lock);
        do_job(handle);
    }
    return unused;
}

/* ---------------------------------------------------------------------------------------------- as a stream */

static int begin_clock(forker_request *req, void *user) {
    forker_deferred handle;
    (void)user;
    int begun = 0;
    pthread_mutex_lock(&lock);
    if (clock_count < CLOCKS_MAX && forker_request_defer(req, &handle) == FORKER_OK) {
        forker_sse_begin(handle); /* if it fails, so will the first event */
        clocks[clock_count++] = handle;
        begun = 1;
    }
    pthread_mutex_unlock(&lock);
    return begun ? FORKER_DEFERRED : forker_respond_error(req, 503, "too many clocks");
}

/*
 * Sends an event to each client. One that is slow (FORKER_E_AGAIN) misses it; the handle of one that has left is used
 * up.
 */
static void tick(const char *time) {
    size_t kept = 0;
    for (size_t i = 0; i < clock_count; i++) {
        int result = forker_sse_send(clocks[i], "tick", NULL, time);
        if (result == FORKER_OK || result == FORKER_E_AGAIN)
            clocks[kept++] = clocks[i];
        else
            forker_deferred_drop(clocks[i]);
    }
    clock_count = kept;
}

static void *tick_for_ever(void *unused) {
    for (;;) {
        char text[32];
        snprintf(text, sizeof text, "%lld", (long long)time(NULL));
        pthread_mutex_lock(&lock);
        tick(text);
        pthread_mutex_unlock(&lock);
        sleep_ms(1000);
    }
    return unused;
}

/* ---------------------------------------------------------------------------------------------------------------- */

/* Threads are started in each worker: fork would not carry them over. */
static int start_threads(forker_server *srv, int32_t worker, void *user) {
    pthread_t thread;
    (void)srv, (void)worker, (void)user;
    if (pthread_create(&thread, NULL, do_jobs, NULL) != 0 || pthread_create(&thread, NULL, tick_for_ever, NULL) != 0)
        return FORKER_E_SYSTEM;
    return FORKER_OK;
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_set(srv, "drain_timeout", "2s"); /* clocks never end by themselves */
    forker_server_on_worker_init(srv, start_threads, NULL);
    forker_route *route;
    forker_server_route(srv, "GET", "/sleep", respond_slowly, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_handle(srv, "GET", "/square/:n", add_job, NULL);
    forker_server_handle(srv, "GET", "/clock", begin_clock, NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    int result = forker_server_run(srv);
    if (result != FORKER_OK)
        fprintf(stderr, "later: %s\n", forker_server_error(srv));
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
