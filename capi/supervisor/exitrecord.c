/*
 * The spawner writes this, not the master that knows the reasons: it reaps every worker exactly once, whoever is the
 * master then or whether there is one. The master leaves the reason in the slot before it lets a worker go.
 */
#include "supervisor/exitrecord.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/signame.h"
#include "log/log.h"

/* A worker that is let go can still crash on its way out; but what HANG and MEMORY say is why it was killed. */
static uint32_t find_reason(const fk_spawner *spawner, const fk_slot *slot, int status)
{
    bool signaled = status != -1 && WIFSIGNALED(status);
    uint32_t dismissed = fk_load(&slot->dismissed);
    bool served = fk_load(&slot->reached_ready) != 0;
    dismissed = dismissed < FK_EXITS ? dismissed : FK_EXIT_NONE;
    if (dismissed == FK_EXIT_HANG || dismissed == FK_EXIT_MEMORY || dismissed == FK_EXIT_BOOT) {
        return dismissed;
    }
    if (signaled && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGTERM) {
        return served ? FK_EXIT_CRASH : FK_EXIT_BOOT;
    }
    if (dismissed != FK_EXIT_NONE) {
        return dismissed;
    }
    if (spawner->stopping) {
        return FK_EXIT_STOP;
    }
    if (!served) {
        return FK_EXIT_BOOT;
    }
    return signaled ? FK_EXIT_KILLED : FK_EXIT_SELF;
}

static bool is_loss(uint32_t reason)
{
    return reason == FK_EXIT_SELF || reason == FK_EXIT_CRASH || reason == FK_EXIT_KILLED || reason == FK_EXIT_BOOT ||
           reason == FK_EXIT_HANG || reason == FK_EXIT_MEMORY;
}

static uint64_t since(uint64_t now, uint64_t then)
{
    return then < now ? now - then : 0;
}

static void keep_crash(fk_crash *crash, const fk_slot *slot, const fk_black_box *box)
{
    struct timespec wall;
    uint64_t now = fk_clock();
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    crash->wall_ns = (uint64_t)wall.tv_sec * 1000000000 + (uint64_t)wall.tv_nsec;
    crash->age_ns = since(now, fk_load_long(&slot->born_ns));
    crash->inside_ns = box->busy != 0 ? since(now, box->since_ns) : 0;
    crash->box = *box;
    memcpy(crash->last_words, slot->last_words, sizeof crash->last_words);
}

void fk_exit_record_write(fk_spawner *spawner, uint32_t index, pid_t pid, int status, const fk_black_box *box)
{
    const fk_slot *slot = fk_server_slot(spawner->server, index);
    fk_shared *shared = spawner->server->tree.shared;
    fk_crash *crash = &shared->crash;
    uint32_t reason = find_reason(spawner, slot, status);
    shared->exits[reason]++;
    spawner->workers[index].death = (fk_death){pid, status, reason, spawner->workers[index].generation};
    if (!is_loss(reason)) {
        return;
    }
    uint32_t version = fk_load(&crash->version);
    __atomic_store_n(&crash->version, version | 1, __ATOMIC_SEQ_CST);
    crash->reason = reason;
    crash->worker = index;
    crash->generation = spawner->workers[index].generation;
    crash->pid = pid;
    crash->status = status;
    keep_crash(crash, slot, box);
    __atomic_store_n(&crash->version, (version | 1) + 1, __ATOMIC_SEQ_CST);
}

void fk_exit_record_said(fk_spawner *spawner, uint32_t index, uint32_t generation)
{
    if (index < FK_SLOTS_MAX && spawner->workers[index].death.generation == generation) {
        spawner->workers[index].death.pid = 0;
    }
}

/* The slot shows which request it was, until it has another worker. */
static void line_request(fk_line *line, const fk_spawner *spawner, uint32_t index)
{
    fk_black_box box = fk_server_crashed_box(spawner->server, index);
    bool is_free = spawner->workers[index].pid == 0;
    if (is_free && box.busy != 0) {
        fk_line_text(line, " in ");
        fk_line_request(line, &box);
    }
}

void fk_exit_record_say(fk_spawner *spawner, uint32_t index)
{
    fk_death *death = &spawner->workers[index].death;
    fk_line line = {.len = 0};
    if (death->pid == 0) {
        return;
    }
    if (death->status != -1 && WIFSIGNALED(death->status)) {
        fk_line_text(&line, "killed by ");
        fk_line_text(&line, fk_signame(WTERMSIG(death->status)));
    } else if (death->status != -1) {
        fk_line_text(&line, "exited with status ");
        fk_line_number(&line, WEXITSTATUS(death->status));
    } else {
        fk_line_text(&line, "was reaped by somebody else");
    }
    line_request(&line, spawner, index);
    fk_log(spawner->server, is_loss(death->reason) ? FORKER_LOG_WARN : FORKER_LOG_INFO,
           "worker %u (pid %d) %s; there was no master to say so", index, (int)death->pid, line.text);
    death->pid = 0;
}
