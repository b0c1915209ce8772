/*
 * The spawner. One loop, of which each iteration
 *   1. does what API calls and signals asked for (action.c),
 *   2. reads the master's messages,
 *   3. reaps, reports exits; as pid 1 it reaps orphans too (reaper.c),
 *   4. forks what is due: the master, and workers only while there is no master,
 *   5. kills what has outlived its time, a silent master too (watch.c), and calls the program's tick.
 * It runs on the thread that called run, which stays free of Go for ever, so that each worker is forked from a clean
 * process.
 */
#include "supervisor/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/log.h"
#include "log/printable.h"
#include "setup/certificate.h"
#include "setup/hook.h"
#include "setup/listener.h"
#include "setup/ticket.h"
#include "supervisor/action.h"
#include "supervisor/asker.h"
#include "supervisor/channel.h"
#include "supervisor/child.h"
#include "supervisor/exitrecord.h"
#include "supervisor/inspection.h"
#include "supervisor/reaper.h"
#include "supervisor/report.h"
#include "supervisor/stop.h"
#include "supervisor/succession.h"
#include "supervisor/upgrade.h"

#define SECOND_NS UINT64_C(1000000000)

enum {
    STOP_LOOK_MS = 1000,        /* how often a stopping spawner looks at the clock, at least */
    ORDERS_MOST = 256,          /* of the master's messages, that are read before others have their turn */
    SWEEP_MS = 20,              /* how often exits are looked for where there is no pidfd */
    POLLED_BESIDES = 9,         /* what is polled besides the workers */
    STOP_SLACK_NS = 1000000000, /* what the master gets beyond the limit that it enforces itself */
};

static fk_spawner *present; /* of this process, or that it was forked off; NULL: none */

static fk_message make_message(uint16_t type, uint32_t slot, uint32_t generation, uint32_t length)
{
    fk_message message;
    memset(&message, 0, sizeof message.head + length);
    message.head = (fk_msg){FK_CONTROL_MAGIC, FK_CONTROL_VERSION, type, slot, generation, length};
    return message;
}

/* A master that does not read is hung, and no better than a dead one: another one takes over. */
static void tell_master(fk_spawner *spawner, const fk_message *message, int passed)
{
    if (!spawner->master_ready || fk_channel_send(spawner->master.channel, message, passed)) {
        return;
    }
    spawner->master_ready = false;
    if (errno != EPIPE && errno != ECONNRESET) { /* of one that has left already, its exit tells more */
        fk_log(spawner->server, FORKER_LOG_ERROR, "the master does not read its messages: %s; replacing it",
               strerror(errno));
        (void)kill(spawner->master.pid, SIGKILL);
    }
}

void fk_spawner_tell(fk_spawner *spawner, uint16_t type, const void *payload, size_t length)
{
    fk_message message = make_message(type, 0, 0, (uint32_t)length);
    if (length > 0) {
        memcpy(message.payload.text, payload, length);
    }
    tell_master(spawner, &message, -1);
}

void fk_spawner_pass(fk_spawner *spawner, uint16_t type, int32_t number, int passed)
{
    fk_message message = make_message(type, 0, 0, sizeof number);
    memcpy(message.payload.text, &number, sizeof number);
    tell_master(spawner, &message, passed);
}

static void tell_worker(fk_spawner *spawner, uint16_t type, uint32_t index)
{
    const fk_slot *slot = fk_server_slot(spawner->server, index);
    const fk_child *child = &spawner->workers[index];
    fk_message message = make_message(type, index, child->generation, sizeof message.payload.worker);
    message.payload.worker = (fk_msg_worker){child->pid, fk_load(&slot->state)};
    tell_master(spawner, &message, child->channel);
}

/* Returns 0, or the errno by which a SPAWN fails. */
static int fork_as_told(fk_spawner *spawner, const fk_msg *order)
{
    if (spawner->workers[order->slot].pid != 0) {
        return EBUSY;
    }
    if (spawner->workers[order->slot].generation != order->generation) {
        return ESTALE;
    }
    if (spawner->stopping) {
        return ECANCELED;
    }
    return fk_child_fork_worker(spawner, order->slot) ? 0 : errno;
}

/* FAILED names the generation that is the latest, whatever the master takes it for. */
static void spawn(fk_spawner *spawner, const fk_msg *order)
{
    bool exists = order->slot < FK_SLOTS_MAX;
    int reason = exists ? fork_as_told(spawner, order) : EINVAL;
    if (reason == 0) {
        tell_worker(spawner, FK_MSG_SPAWNED, order->slot);
        return;
    }
    uint32_t generation = exists ? spawner->workers[order->slot].generation : order->generation;
    fk_message message = make_message(FK_MSG_FAILED, order->slot, generation, sizeof message.payload.failed);
    message.payload.failed.error = reason;
    tell_master(spawner, &message, -1);
}

/* Signals a worker, by the pid that fork gave and nobody has reaped, and by no other signal than a master has use for. */
static void kill_worker(fk_spawner *spawner, const fk_message *order)
{
    uint32_t index = order->head.slot;
    const fk_msg_kill *what = &order->payload.kill;
    bool known = what->signal == SIGTERM || what->signal == SIGABRT || what->signal == SIGKILL;
    if (!known || index >= FK_SLOTS_MAX || spawner->workers[index].pid == 0 ||
        spawner->workers[index].generation != order->head.generation) {
        return;
    }
    pid_t pid = spawner->workers[index].pid;
    if (what->thread <= 0 || syscall(SYS_tgkill, pid, what->thread, what->signal) != 0) {
        (void)kill(pid, what->signal);
    }
}

static int32_t stop_left_ms(const fk_spawner *spawner)
{
    uint64_t now = fk_clock(), limit = spawner->stop_ns - STOP_SLACK_NS;
    if (!spawner->stopping) {
        return -1;
    }
    return limit > now ? (int32_t)((limit - now) / 1000000) : 0;
}

/* Tells a new master all that it needs to know. */
static void hand_over(fk_spawner *spawner)
{
    spawner->master_ready = spawner->master_came_up = spawner->master_was_ready = true;
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        if (spawner->workers[i].pid != 0) {
            tell_worker(spawner, FK_MSG_ADOPT, i);
        }
    }
    fk_message message = make_message(FK_MSG_ADOPTED_ALL, 0, 0, sizeof message.payload.stop);
    message.payload.stop.timeout_ms = stop_left_ms(spawner);
    tell_master(spawner, &message, -1);
}

void fk_spawner_stop(fk_spawner *spawner, int32_t timeout_ms)
{
    uint64_t limit = fk_clock() + (uint64_t)timeout_ms * 1000000 + STOP_SLACK_NS;
    if (spawner->stopping && limit >= spawner->stop_ns) {
        return;
    }
    spawner->stopping = true;
    spawner->stop_ns = limit;
    fk_notify_stopping(spawner);
    fk_upgrade_cancel(spawner, timeout_ms);
    fk_listeners_close(spawner->server); /* the workers take what is queued, and close theirs */
    fk_message message = make_message(FK_MSG_STOP, 0, 0, sizeof message.payload.stop);
    message.payload.stop.timeout_ms = timeout_ms;
    tell_master(spawner, &message, -1);
}

/*
 * Where no worker is ready there is nothing to drain; where they only die too often the others finish what they have.
 */
void fk_spawner_give_up(fk_spawner *spawner, int32_t reason, const char *text)
{
    bool restarts = reason == FK_GIVE_UP_RESTARTS;
    if (spawner->result == FORKER_OK) {
        spawner->result = fk_server_fail(spawner->server, restarts ? FORKER_E_RESTARTS : FORKER_E_BOOT, "%s", text);
    }
    fk_spawner_stop(spawner,
                    restarts ? (int32_t)(fk_server_option(spawner->server, FK_OPTION_DRAIN_TIMEOUT) / 1000000) : 0);
}

/* Some worker is ready, for the first time. */
static void tell_up(fk_spawner *spawner)
{
    uint32_t phase = __atomic_load_n(&spawner->server->shared->phase, __ATOMIC_ACQUIRE);
    if (!spawner->serving && (phase == FK_PHASE_SERVING || phase == FK_PHASE_RELOADING)) {
        spawner->serving = true;
        fk_listeners_tell(spawner->server);
        fk_report_up(spawner->server);
    }
}

/* What the master gives as its reason can be what a worker has written. */
static void make_printable(char *text)
{
    size_t len = strlen(text), taken;
    for (size_t at = 0; at < len; at += taken) {
        if (!fk_printable(text + at, len - at, &taken)) {
            memset(text + at, '?', taken);
        }
    }
}

static void obey(fk_spawner *spawner, fk_message *order)
{
    switch (order->head.type) {
    case FK_MSG_HELLO:
        hand_over(spawner);
        break;
    case FK_MSG_SPAWN:
        spawn(spawner, &order->head);
        break;
    case FK_MSG_KILL:
        kill_worker(spawner, order);
        break;
    case FK_MSG_GIVE_UP:
        make_printable(order->payload.give_up.text);
        fk_spawner_give_up(spawner, order->payload.give_up.reason, order->payload.give_up.text);
        break;
    case FK_MSG_PUBLISHED:
        fk_upgrade_arrive(spawner);
        fk_notify_published(spawner);
        tell_up(spawner);
        break;
    case FK_MSG_TOLD:
        fk_exit_record_said(spawner, order->head.slot, order->head.generation);
        break;
    default: /* DONE: its exit follows */
        break;
    }
}

static void read_master(fk_spawner *spawner)
{
    fk_message order;
    for (int i = 0; i < ORDERS_MOST && spawner->master.pid != 0 && spawner->master.channel >= 0; i++) {
        fk_received received = fk_channel_receive(spawner->master.channel, &order);
        if (received == FK_RECEIVED) {
            fk_watch_heard(spawner);
            obey(spawner, &order);
            continue;
        }
        if (received == FK_RECEIVED_END) { /* it is exiting, or talks nonsense: its exit is what is waited for */
            (void)kill(spawner->master.pid, SIGKILL);
            spawner->master_ready = false;
            fk_descriptor_close(&spawner->master.channel);
        }
        return;
    }
}

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
    ssize_t got = read(server->wake_fd, &count, sizeof count);
    (void)got;
    read_asks(spawner);
    int32_t timeout_ms = __atomic_load_n(&server->shared->stop_timeout_ms, __ATOMIC_ACQUIRE);
    if (timeout_ms < spawner->asked_stop_ms) {
        spawner->asked_stop_ms = timeout_ms;
        fk_asker_tell_stop(server, timeout_ms);
    }
    if (timeout_ms != FK_NO_STOP) {
        fk_spawner_stop(spawner, timeout_ms);
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
    fk_message message = make_message(FK_MSG_EXITED, index, child->generation, sizeof message.payload.exit);
    message.payload.exit = (fk_msg_exit){pid, status, served};
    tell_master(spawner, &message, -1);
    if (!spawner->master_ready) {
        fk_exit_record_say(spawner, index);
    }
    fk_hook_worker_died(spawner->server, index, pid, status, &box);
}

/*
 * A master can have exited before its reason to give up was read, or what it has told of dead workers. Nothing else that
 * a dead one wanted counts.
 */
static void read_last_words(fk_spawner *spawner)
{
    siginfo_t exit = {0};
    fk_message order;
    if (spawner->master.channel < 0 ||
        waitid(P_PID, (id_t)spawner->master.pid, &exit, WEXITED | WNOHANG | WNOWAIT) != 0 || exit.si_pid == 0) {
        return;
    }
    while (fk_channel_receive(spawner->master.channel, &order) == FK_RECEIVED) {
        if (order.head.type == FK_MSG_GIVE_UP || order.head.type == FK_MSG_TOLD) {
            obey(spawner, &order);
        }
    }
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
        read_last_words(spawner);
    }
    if (spawner->master.pid != 0 && fk_child_reap(&spawner->master, &status)) {
        fk_succession_follow(spawner, status);
    }
}

/* How many slots the spawner keeps full: none while the master does that, none either while the workers are held. */
static uint32_t slots_to_fill(const fk_spawner *spawner)
{
    const fk_shared *shared = spawner->server->shared;
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

static bool has_workers(const fk_spawner *spawner)
{
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        if (spawner->workers[i].pid != 0) {
            return true;
        }
    }
    return false;
}

static void signal_workers(const fk_spawner *spawner, int number)
{
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        if (spawner->workers[i].pid != 0) {
            (void)kill(spawner->workers[i].pid, number);
        }
    }
}

/* While stopping: kills what has outlived its time. Returns when to look again. */
static uint64_t kill_due(fk_spawner *spawner)
{
    uint64_t now = fk_clock();
    if (!spawner->stopping) {
        return UINT64_MAX;
    }
    if (spawner->master.pid == 0 && spawner->lifeline[1] >= 0) {
        fk_descriptor_close(&spawner->lifeline[1]); /* nobody is left to tell the workers: let the life line do it */
        signal_workers(spawner, SIGTERM);           /* those that boot do not follow it yet */
    }
    if (now < spawner->stop_ns) {
        return spawner->stop_ns;
    }
    signal_workers(spawner, SIGKILL);
    if (!has_workers(spawner) && spawner->master.pid != 0) {
        (void)kill(spawner->master.pid, SIGKILL);
    }
    if (fk_upgrade_is_pending(spawner)) {
        (void)kill(spawner->heir.pid, SIGKILL);
    }
    return now + SECOND_NS / 10;
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
    polled[count++] = (struct pollfd){.fd = spawner->server->wake_fd, .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = spawner->poke[0], .events = POLLIN};
    polled[count++] = (struct pollfd){.fd = fk_reaper_fd(), .events = POLLIN};
    count += fk_upgrade_poll(spawner, polled + count);
    if (spawner->server->background.kind != FK_BACKGROUND_NONE && !spawner->stopping) {
        polled[count++] = (struct pollfd){.fd = spawner->server->background.pidfd, .events = POLLIN};
        sweep = sweep || spawner->server->background.pidfd < 0;
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
        read_master(spawner);
        reap(spawner);
        fk_reaper_sweep(spawner);
        uint64_t next = earlier(fk_upgrade_follow(spawner), fork_due(spawner));
        if (spawner->stopping && spawner->master.pid == 0 && !has_workers(spawner) && !fk_upgrade_is_pending(spawner)) {
            return;
        }
        next = earlier(next, kill_due(spawner));
        next = earlier(next, follow_certificates(spawner->server));
        next = earlier(next, fk_tickets_follow(spawner->server, fk_clock()));
        next = earlier(next, fk_hook_tick(spawner->server, fk_clock(), &spawner->tick_ns));
        next = earlier(next, fk_notify_watch(spawner));
        next = earlier(next, fk_watch_follow(spawner));
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
    return fk_server_fail(server, code, "%s: %s", server->verb, sentence);
}

int fk_spawner_run(forker_server *server)
{
    fk_spawner *spawner = calloc(1, sizeof *spawner);
    struct pollfd *polled = calloc(FK_SLOTS_MAX + POLLED_BESIDES, sizeof *polled);
    int result;
    if (spawner == NULL || polled == NULL) {
        result = fk_server_fail(server, FORKER_E_MEMORY, "%s: out of memory", server->verb);
    } else if (!open_pipes(spawner)) {
        result = fk_server_fail(server, FORKER_E_SYSTEM, "%s: pipe: %s", server->verb, strerror(errno));
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
