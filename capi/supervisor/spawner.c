/*
 * The spawner. One loop, of which each iteration
 *   1. does what API calls and signals asked for (action.c),
 *   2. reads the master's messages (order.c),
 *   3. reaps, reports exits; as pid 1 it reaps orphans too (reaper.c),
 *   4. forks what is due: the master, and workers only while there is no master,
 *   5. kills what has outlived its time (shutdown.c), a silent master too (watch.c), and calls the program's tick.
 * It runs on the thread that called run, which stays free of Go for ever, so that each worker is forked from a clean
 * process.
 */
#include "supervisor/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/log.h"
#include "setup/certificate.h"
#include "setup/hook.h"
#include "setup/ticket.h"
#include "supervisor/action.h"
#include "supervisor/asker.h"
#include "supervisor/child.h"
#include "supervisor/exitrecord.h"
#include "supervisor/inspection.h"
#include "supervisor/order.h"
#include "supervisor/reaper.h"
#include "supervisor/report.h"
#include "supervisor/shutdown.h"
#include "supervisor/stop.h"
#include "supervisor/succession.h"
#include "supervisor/telling.h"
#include "supervisor/upgrade.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
    STOP_LOOK_MS = 1000, /* how often a stopping spawner looks at the clock, at least */
    SWEEP_MS = 20,       /* how often exits are looked for where there is no pidfd */
    POLLED_BESIDES = 9,  /* what is polled besides the workers */
};

static fk_spawner *present; /* of this process, or that it was forked off; NULL: none */

/* Looks into the slots, if a worker wants it. How often it wants that does not matter. */
static void read_asks(fk_spawner *spawner)
{
    char pokes[512];
    if (read(spawner->poke[0], pokes, sizeof pokes) <= 0) {
        return;
    }
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        fk_action_hear(spawner, i);
    }
}

/* The words count, whether or not there is something to read: who has the descriptor could have read it away. */
static void read_desired(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    uint64_t count;
    ssize_t got = read(server->tree.wake_fd, &count, sizeof count);
    (void)got;
    read_asks(spawner);
    int32_t timeout_ms = __atomic_load_n(&server->tree.shared->stop_timeout_ms, __ATOMIC_ACQUIRE);
    if (timeout_ms < spawner->asked_stop_ms) {
        spawner->asked_stop_ms = timeout_ms;
        fk_asker_tell_stop(server, timeout_ms);
    }
    if (timeout_ms != FK_NO_STOP) {
        fk_shutdown_begin(spawner, timeout_ms);
    }
    fk_action_obey(spawner);
}

/* The host of a server that was started is gone: nobody can stop it any more. */
static void follow_host(fk_spawner *spawner)
{
    if (!spawner->stopping && fk_report_orphaned(spawner->server)) {
        fk_log(spawner->server, FORKER_LOG_WARN, "the process that started the server is gone; stopping");
        (void)fk_stop(spawner->server, -1);
    }
}

static void bury_worker(fk_spawner *spawner, uint32_t index, pid_t pid, int status)
{
    fk_child *child = &spawner->workers[index];
    fk_slot *slot = fk_server_slot(spawner->server, index);
    uint64_t now = fk_clock();
    bool served = fk_load(&slot->reached_ready) != 0;
    fk_black_box box = fk_server_crashed_box(spawner->server, index);
    fk_action_hear(spawner, index); /* it may have died before it was heard */
    fk_exit_record_write(spawner, index, pid, status, &box);
    slot->pid = 0;
    slot->connections = slot->in_flight = 0;
    __atomic_store_n(&slot->state, FK_SLOT_EMPTY, __ATOMIC_RELEASE);
    child->failed_boots = served ? 0 : child->failed_boots + 1;
    child->retry_ns = served ? now : now + fk_child_backoff(child->failed_boots);
    fk_tell_exited(spawner, index, pid, status, served);
    if (!spawner->master_ready) {
        fk_exit_record_say(spawner, index);
    }
    fk_hook_worker_died(spawner->server, index, pid, status, &box);
}

static void reap(fk_spawner *spawner)
{
    int status;
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        pid_t pid = spawner->workers[i].pid;
        if (fk_child_reap(&spawner->workers[i], &status)) {
            bury_worker(spawner, i, pid, status);
        }
    }
    if (spawner->master.pid != 0) {
        fk_orders_read_last(spawner);
    }
    if (spawner->master.pid != 0 && fk_child_reap(&spawner->master, &status)) {
        fk_succession_follow(spawner, status);
    }
}

/* How many slots the spawner keeps full: none while the master does that, none either while the workers are held. */
static uint32_t slots_to_fill(const fk_spawner *spawner)
{
    const fk_shared *shared = spawner->server->tree.shared;
    uint32_t wanted = fk_load(&shared->wanted);
    if (spawner->master_ready || shared->held != 0) {
        return 0;
    }
    return wanted != 0 && wanted < spawner->slots_used ? wanted : spawner->slots_used;
}

/* Without a master; what the former worker had is in the slot for the last time. */
static bool refill(fk_spawner *spawner, uint32_t index)
{
    fk_exit_record_say(spawner, index);
    return fk_child_fork_worker(spawner, index);
}

/* Forks what is due. Returns when to look again. */
static uint64_t fork_due(fk_spawner *spawner)
{
    uint64_t now = fk_clock();
    if (spawner->stopping) {
        return UINT64_MAX;
    }
    uint64_t next = fk_succession_fork(spawner, now);
    for (uint32_t i = 0, count = slots_to_fill(spawner); i < count; i++) {
        fk_child *child = &spawner->workers[i];
        uint64_t allowed = fk_child_next_fork(spawner);
        uint64_t due = child->retry_ns > allowed ? child->retry_ns : allowed;
        if (child->pid == 0 && now < due) {
            next = due < next ? due : next;
        } else if (child->pid == 0 && !refill(spawner, i)) {
            next = child->retry_ns = now + fk_child_backoff(++child->failed_boots);
        }
    }
    return next;
}

/*
 * If the spawner has not run for a while, as when the machine slept, nobody else has: a stop that is under way gets
 * that time again.
 */
static void notice_suspension(fk_spawner *spawner, uint64_t expected_ns)
{
    uint64_t now = fk_clock();
    if (now > expected_ns + SECOND_NS) {
        spawner->stop_ns += now - expected_ns;
    }
}

/* Waits until something happens or it is time for `until_ns`. */
static void wait_for_events(fk_spawner *spawner, struct pollfd *polled, uint64_t until_ns)
{
    nfds_t count = 0;
    bool sweep = fk_reaper_sweeps();
    polled[count++] = (struct pollfd){.fd = spawner->server->tree.wake_fd, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = spawner->poke[0], .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = fk_reaper_fd(), .events = POLLIN};
    count += fk_upgrade_poll(spawner, polled + count);
    if (spawner->server->run.background.kind != FK_BACKGROUND_NONE && !spawner->stopping) {
        polled[count++] = (struct pollfd){.fd = spawner->server->run.background.pidfd, .events = POLLIN};
        sweep = sweep || spawner->server->run.background.pidfd < 0;
    }
    if (spawner->master.pid != 0) {
        polled[count++] = (struct pollfd){.fd = spawner->master.pidfd, .events = POLLIN};
        polled[count++] = (struct pollfd){.fd = spawner->master.channel, .events = POLLIN};
        sweep = sweep || spawner->master.pidfd < 0;
    }
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        if (spawner->workers[i].pid != 0) {
            polled[count++] = (struct pollfd){.fd = spawner->workers[i].pidfd, .events = POLLIN};
            sweep = sweep || spawner->workers[i].pidfd < 0;
        }
    }
    uint64_t now = fk_clock();
    uint64_t wait_ms = until_ns == UINT64_MAX ? 3600000 : until_ns > now ? (until_ns - now) / 1000000 + 1 : 0;
    wait_ms = wait_ms < 3600000 ? wait_ms : 3600000;
    if (spawner->stopping && wait_ms > STOP_LOOK_MS) {
        wait_ms = STOP_LOOK_MS;
    }
    if (sweep && wait_ms > SWEEP_MS) {
        wait_ms = SWEEP_MS;
    }
    (void)poll(polled, count, (int)wait_ms);
    notice_suspension(spawner, now + wait_ms * 1000000);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Returns when to look again. */
static uint64_t follow_certificates(forker_server *server)
{
    uint64_t next;
    if (fk_certificates_have_changed(server, fk_clock(), &next)) {
        fk_log(server, FORKER_LOG_INFO, "files of certificates have changed: reloading");
        (void)forker_server_reload(server);
    }
    return next;
}

static void supervise(fk_spawner *spawner, struct pollfd *polled)
{
    for (;;) {
        follow_host(spawner);
        read_desired(spawner);
        fk_orders_read(spawner);
        reap(spawner);
        fk_reaper_sweep(spawner);
        uint64_t next = earlier(fk_upgrade_follow(spawner), fork_due(spawner));
        if (fk_shutdown_is_over(spawner)) {
            return;
        }
        next = earlier(next, fk_shutdown_follow(spawner));
        next = earlier(next, follow_certificates(spawner->server));
        next = earlier(next, fk_tickets_follow(spawner->server, fk_clock()));
        next = earlier(next, fk_hook_tick(spawner->server, fk_clock(), &spawner->tick_ns));
        next = earlier(next, fk_notify_watch(spawner));
        next = earlier(next, fk_watch_follow(spawner));
        next = earlier(next, fk_log_settle(spawner->server));
        wait_for_events(spawner, polled, next);
    }
}

static void init_children(fk_spawner *spawner)
{
    spawner->master = spawner->heir = (fk_child){.pidfd = -1, .channel = -1};
    for (uint32_t i = 0; i < FK_SLOTS_MAX; i++) {
        spawner->workers[i] = (fk_child){.pidfd = -1, .channel = -1};
    }
}

void fk_spawner_forget(fk_spawner *spawner)
{
    fk_descriptor_close(&spawner->master.pidfd);
    fk_descriptor_close(&spawner->master.channel);
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        fk_descriptor_close(&spawner->workers[i].pidfd);
        fk_descriptor_close(&spawner->workers[i].channel);
    }
    fk_descriptor_close(&spawner->lifeline[1]);
    fk_descriptor_close(&spawner->poke[0]);
    fk_reaper_forget();
    fk_upgrade_forget(spawner);
}

void fk_spawner_forget_all(void)
{
    if (present != NULL) {
        fk_spawner_forget(present);
        fk_descriptor_close(&present->lifeline[0]);
        fk_descriptor_close(&present->poke[1]);
        present = NULL;
    }
}

static void close_pipes(fk_spawner *spawner)
{
    for (int end = 0; end < 2; end++) {
        fk_descriptor_close(&spawner->lifeline[end]);
        fk_descriptor_close(&spawner->poke[end]);
    }
}

/* Returns false with errno. */
static bool open_pipes(fk_spawner *spawner)
{
    spawner->poke[0] = spawner->poke[1] = -1;
    if (!fk_descriptor_raise_pair(pipe2(spawner->lifeline, O_CLOEXEC | O_NONBLOCK) == 0, spawner->lifeline)) {
        return false;
    }
    if (!fk_descriptor_raise_pair(pipe2(spawner->poke, O_CLOEXEC | O_NONBLOCK) == 0, spawner->poke)) {
        int reason = errno;
        close_pipes(spawner);
        errno = reason;
        return false;
    }
    return true;
}

static int serve(fk_spawner *spawner, struct pollfd *polled)
{
    fk_notify_open(spawner);
    fk_reaper_start();
    supervise(spawner, polled);
    fk_reaper_stop();
    fk_log_close(spawner->server);
    return spawner->result;
}

/* Has the sentence of a failure begin with the call that it is of. */
static int refuse_run(forker_server *server, int code)
{
    char sentence[FK_SENTENCE_MAX];
    memcpy(sentence, server->error, sizeof sentence);
    return fk_server_fail(server, code, "%s: %s", server->run.verb, sentence);
}

int fk_spawner_run(forker_server *server)
{
    fk_spawner *spawner = calloc(1, sizeof *spawner);
    struct pollfd *polled = calloc(FK_SLOTS_MAX + POLLED_BESIDES, sizeof *polled);
    int result;
    if (spawner == NULL || polled == NULL) {
        result = fk_server_fail(server, FORKER_E_MEMORY, "%s: out of memory", server->run.verb);
    } else if (!open_pipes(spawner)) {
        result = fk_server_fail(server, FORKER_E_SYSTEM, "%s: pipe: %s", server->run.verb, strerror(errno));
    } else {
        spawner->server = server;
        spawner->asked_stop_ms = FK_NO_STOP;
        present = spawner;
        init_children(spawner);
        result = fk_inspection_run(spawner);
        if (result == FORKER_OK) {
            fk_certificates_publish(server);
            result = serve(spawner, polled);
        } else {
            result = refuse_run(server, result);
        }
        present = NULL;
        close_pipes(spawner);
    }
    free(polled);
    free(spawner);
    return result;
}
