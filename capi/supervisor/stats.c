/*
 * Figures for the program, read from the shared memory: by any thread of any process of the tree, which needs no Go for
 * it.
 */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/object.h"
#include "base/procstat.h"
#include "base/server.h"

_Static_assert((int)FORKER_LATENCY_BUCKETS == (int)FK_LATENCY_BUCKETS, "the histograms are the same");
_Static_assert((int)FORKER_STATUS_CLASSES == (int)FK_STATUS_CLASSES, "the classes are the same");
_Static_assert((int)FORKER_PHASE_STOPPING == (int)FK_PHASE_STOPPING, "the phases are the same");
_Static_assert((int)FORKER_WORKER_DRAINING == (int)FK_SLOT_DRAINING, "the states are the same");
_Static_assert((int)FORKER_EXIT_MEMORY == (int)FK_EXIT_MEMORY && (int)FORKER_EXIT_REASONS >= (int)FK_EXITS,
               "the reasons are the same");
_Static_assert(sizeof(((forker_worker_stats *)0)->method) > FK_METHOD_KEPT, "a method fits, with its NUL");
_Static_assert(sizeof(((forker_worker_stats *)0)->target) > FK_TARGET_KEPT, "a target fits, with its NUL");

_Static_assert((int)FORKER_HANDSHAKE_ENDS >= (int)FK_HANDSHAKES &&
                   (int)FORKER_HANDSHAKE_CLEAR_TEXT == FK_HANDSHAKES - 1,
               "the ends of handshakes are the same");

/* The counters are the same run of fields in both structs of forker.h. */
enum { COUNTERS_SIZE = offsetof(forker_stats, master_starts) - offsetof(forker_stats, connections) };
_Static_assert((size_t)COUNTERS_SIZE ==
                   offsetof(forker_worker_stats, busy_ns) - offsetof(forker_worker_stats, connections),
               "the counters are the same");

/* Words are read whole: a worker may be writing. */
static uint64_t load(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void add_counters(forker_worker_stats *sum, const fk_slot *slot)
{
    sum->connections += load(&slot->connections);
    sum->in_flight += load(&slot->in_flight);
    sum->accepted += load(&slot->accepted);
    sum->requests += load(&slot->requests);
    sum->bytes_in += load(&slot->bytes_in);
    sum->bytes_out += load(&slot->bytes_out);
    for (int i = 0; i < FK_STATUS_CLASSES; i++) {
        sum->responses[i] += load(&slot->responses[i]);
    }
    for (int i = 0; i < FK_LATENCY_BUCKETS; i++) {
        sum->latency[i] += load(&slot->latency[i]);
    }
    sum->latency_sum_ns += load(&slot->latency_sum_ns);
    for (int i = 0; i < FK_HANDSHAKES; i++) {
        sum->handshakes[i] += load(&slot->handshakes[i]);
    }
}

static const fk_slot *find_slot(const fk_shared *shared, size_t index)
{
    return (const fk_slot *)(const void *)((const char *)shared + FK_SLOT_SIZE * (1 + index));
}

/* Slots are taken from 0 upwards, so the first that was never used ends those that were. */
static uint32_t count_slots(const forker_server *server, const fk_shared *shared)
{
    uint32_t count = 0;
    while (count < server->tree.slots && fk_load(&find_slot(shared, count)->generation) != 0) {
        count++;
    }
    return count;
}

/* Since a time of the shared memory, which another core may have written after ours was read. */
static uint64_t since(uint64_t now, uint64_t then)
{
    return then != 0 && then < now ? now - then : 0;
}

static void fill_stats(forker_stats *stats, const forker_server *server, const fk_shared *shared)
{
    forker_worker_stats sum = {0};
    stats->phase = __atomic_load_n(&shared->phase, __ATOMIC_RELAXED);
    stats->spawner_pid = shared->spawner_pid;
    stats->master_pid = __atomic_load_n(&shared->master_pid, __ATOMIC_RELAXED);
    stats->uptime_ns = since(fk_clock(), shared->started_ns);
    stats->workers = __atomic_load_n(&shared->wanted, __ATOMIC_RELAXED);
    stats->slots = count_slots(server, shared);
    for (uint32_t i = 0; i < stats->slots; i++) {
        const fk_slot *slot = find_slot(shared, i);
        stats->ready += __atomic_load_n(&slot->state, __ATOMIC_RELAXED) == FK_SLOT_READY;
        add_counters(&sum, slot);
    }
    memcpy(&stats->connections, &sum.connections, COUNTERS_SIZE);
    stats->master_starts = load(&shared->master_starts);
    stats->worker_starts = load(&shared->worker_starts);
    for (int i = 0; i < FK_EXITS; i++) {
        stats->worker_exits[i] = load(&shared->exits[i]);
    }
}

/* Copies text that came from a client; what is not printable ASCII is "?". */
static void copy_text(char *to, const char *from, size_t len, size_t most)
{
    len = len < most ? len : most;
    for (size_t i = 0; i < len; i++) {
        to[i] = from[i] > ' ' && from[i] < 0x7f ? from[i] : '?';
    }
    to[len] = '\0';
}

static void fill_request(forker_worker_stats *stats, const fk_black_box *written, uint64_t now)
{
    if (fk_load(&written->busy) == 0) {
        return;
    }
    fk_black_box box = fk_box_copy(written);
    stats->busy_ns = since(now, box.since_ns);
    copy_text(stats->method, box.method, box.method_len, FK_METHOD_KEPT);
    copy_text(stats->target, box.target, box.target_len, FK_TARGET_KEPT);
}

static void fill_worker(forker_worker_stats *stats, const fk_slot *slot)
{
    uint64_t now = fk_clock();
    add_counters(stats, slot);
    stats->generation = __atomic_load_n(&slot->generation, __ATOMIC_RELAXED);
    stats->state = __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
    if (stats->state == FK_SLOT_EMPTY) {
        return;
    }
    stats->pid = __atomic_load_n(&slot->pid, __ATOMIC_RELAXED);
    stats->age_ns = since(now, load(&slot->born_ns));
    stats->heartbeat_ns = since(now, load(&slot->heartbeat_ns));
    if (stats->pid > 0) {
        (void)fk_procstat_resident(stats->pid, &stats->rss_bytes);
    }
    fill_request(stats, &slot->box, now);
}

/* Gives out as much of a filled struct of ours as the program's has room for, and zero where it is longer. */
static void give_out(void *out, uint32_t size, const void *ours, size_t ours_size)
{
    size_t known = size < ours_size ? size : ours_size;
    memcpy((char *)out + sizeof size, (const char *)ours + sizeof size, known - sizeof size);
    memset((char *)out + known, 0, size - known);
}

int forker_server_stats(forker_server *server, forker_stats *stats_out)
{
    if (server == NULL || stats_out == NULL || !fk_is_struct(&stats_out->size)) {
        return FORKER_E_INVALID;
    }
    const fk_shared *shared = server->tree.figures;
    if (shared == NULL || server->lost) {
        return server->lost ? FORKER_E_PROCESS : FORKER_E_STATE;
    }
    forker_stats stats = {0};
    fill_stats(&stats, server, shared);
    give_out(stats_out, stats_out->size, &stats, sizeof stats);
    return FORKER_OK;
}

int forker_server_worker_stats(forker_server *server, size_t index, forker_worker_stats *stats_out)
{
    if (server == NULL || stats_out == NULL || !fk_is_struct(&stats_out->size)) {
        return FORKER_E_INVALID;
    }
    const fk_shared *shared = server->tree.figures;
    if (shared == NULL || server->lost) {
        return server->lost ? FORKER_E_PROCESS : FORKER_E_STATE;
    }
    if (index >= count_slots(server, shared)) {
        return FORKER_E_INVALID;
    }
    forker_worker_stats stats = {0};
    fill_worker(&stats, find_slot(shared, index));
    give_out(stats_out, stats_out->size, &stats, sizeof stats);
    return FORKER_OK;
}
