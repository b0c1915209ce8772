/* A server that tells its figures: figures <address>. */
#include "program.h"

#include <pthread.h>
#include <stdlib.h>

static forker_server *server;

static size_t put(char *text, size_t len, size_t size, const char *name, uint64_t number)
{
    int n = snprintf(text + len, size - len, "%s %llu\n", name, (unsigned long long)number);
    return len + (size_t)n;
}

static uint64_t sum(const uint64_t *numbers, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += numbers[i];
    }
    return total;
}

/* "name number" lines. */
static void describe(char *text, size_t size)
{
    forker_stats s = {.size = sizeof s};
    size_t n = put(text, 0, size, "result", (uint64_t)-forker_server_stats(server, &s));
    n = put(text, n, size, "phase", s.phase);
    n = put(text, n, size, "spawner_pid", (uint64_t)s.spawner_pid);
    n = put(text, n, size, "master_pid", (uint64_t)s.master_pid);
    n = put(text, n, size, "workers", s.workers);
    n = put(text, n, size, "ready", s.ready);
    n = put(text, n, size, "slots", s.slots);
    n = put(text, n, size, "connections", s.connections);
    n = put(text, n, size, "in_flight", s.in_flight);
    n = put(text, n, size, "accepted", s.accepted);
    n = put(text, n, size, "requests", s.requests);
    n = put(text, n, size, "bytes_in", s.bytes_in);
    n = put(text, n, size, "bytes_out", s.bytes_out);
    n = put(text, n, size, "answers_2xx", s.responses[2]);
    n = put(text, n, size, "answers_4xx", s.responses[4]);
    n = put(text, n, size, "latency_count", sum(s.latency, FORKER_LATENCY_BUCKETS));
    n = put(text, n, size, "latency_sum_ns", s.latency_sum_ns);
    n = put(text, n, size, "master_starts", s.master_starts);
    n = put(text, n, size, "worker_starts", s.worker_starts);
    n = put(text, n, size, "exits_self", s.worker_exits[FORKER_EXIT_SELF]);
    n = put(text, n, size, "exits_crash", s.worker_exits[FORKER_EXIT_CRASH]);
    n = put(text, n, size, "exits_killed", s.worker_exits[FORKER_EXIT_KILLED]);
    put(text, n, size, "exits_stop", s.worker_exits[FORKER_EXIT_STOP]);
}

static int stats(forker_request *req, void *user)
{
    char text[2048];
    (void)user;
    describe(text, sizeof text);
    return response_text(req, text);
}

static void *describe_in_thread(void *text)
{
    describe(text, 2048);
    return NULL;
}

static int stats_in_thread(forker_request *req, void *user)
{
    char text[2048];
    pthread_t thread;
    (void)user;
    if (pthread_create(&thread, NULL, describe_in_thread, text) != 0) {
        return FORKER_E_SYSTEM;
    }
    pthread_join(thread, NULL);
    return response_text(req, text);
}

/* The worker that answers tells of itself: "worker 0: state 3 GET /worker". */
static int worker(forker_request *req, void *user)
{
    char text[512];
    forker_worker_stats s = {.size = sizeof s};
    (void)user;
    int code = forker_server_worker_stats(server, (size_t)forker_request_worker(req), &s);
    if (code != FORKER_OK) {
        return code;
    }
    snprintf(text, sizeof text, "state %u pid %d generation %u %s %s rss %d age %d", s.state, (int)s.pid, s.generation,
             s.method, s.target, s.rss_bytes > 1000000, s.age_ns > 0);
    return response_text(req, text);
}

static int end(forker_request *req, void *user)
{
    (void)user;
    if (forker_request_query(req, NULL)[0] == 'a') {
        abort();
    }
    _exit(7);
}

/* What bad calls give, one number each. */
static void tell_refusals(void)
{
    char line[256];
    forker_stats s = {.size = 0};
    forker_worker_stats w = {.size = sizeof w};
    uint32_t small[4] = {8, 77, 77, 77};
    int refusals[] = {forker_server_stats(NULL, &s), forker_server_stats(server, NULL), forker_server_stats(server, &s),
                      forker_server_worker_stats(server, 1000, &w),
                      forker_server_stats(server, (forker_stats *)(void *)small)};
    snprintf(line, sizeof line, "refusals %d %d %d %d %d, small %u %u\n", refusals[0], refusals[1], refusals[2],
             refusals[3], refusals[4], small[1], small[2]);
    tell(line);
}

int main(int argc, char **argv)
{
    char text[2048];
    if (argc != 2) {
        return 2;
    }
    server = forker_server_new();
    forker_server_handle(server, "GET", "/stats", stats, NULL);
    forker_server_handle(server, "GET", "/thread", stats_in_thread, NULL);
    forker_server_handle(server, "GET", "/worker", worker, NULL);
    forker_server_handle(server, "GET", "/end", end, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    tell_addresses(server);
    tell_refusals();
    int code = run_and_tell(server);
    describe(text, sizeof text);
    tell(text);
    tell_refusals();
    forker_server_free(server);
    return code;
}
