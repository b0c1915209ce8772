#include "supervisor/order.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/printable.h"
#include "setup/listener.h"
#include "supervisor/action.h"
#include "supervisor/channel.h"
#include "supervisor/child.h"
#include "supervisor/exitrecord.h"
#include "supervisor/report.h"
#include "supervisor/shutdown.h"
#include "supervisor/telling.h"
#include "supervisor/upgrade.h"

enum { ORDERS_MOST = 256 }; /* that are read before others have their turn */

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
        fk_tell_worker(spawner, FK_MSG_SPAWNED, order->slot);
        return;
    }
    uint32_t generation = exists ? spawner->workers[order->slot].generation : order->generation;
    fk_tell_failed(spawner, order->slot, generation, reason);
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

/* Tells a new master all that it needs to know. Until now it was told nothing, since its fork. */
static void hand_over(fk_spawner *spawner)
{
    spawner->master_ready = spawner->master_came_up = spawner->master_was_ready = true;
    fk_action_brief(spawner);
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        if (spawner->workers[i].pid != 0) {
            fk_tell_worker(spawner, FK_MSG_ADOPT, i);
        }
    }
    fk_msg_stop limits = {fk_shutdown_left_ms(spawner)};
    fk_tell(spawner, FK_MSG_ADOPTED_ALL, &limits, sizeof limits);
}

/* Some worker is ready, for the first time. */
static void tell_up(fk_spawner *spawner)
{
    uint32_t phase = __atomic_load_n(&spawner->server->tree.shared->phase, __ATOMIC_ACQUIRE);
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
        fk_shutdown_give_up(spawner, order->payload.give_up.reason, order->payload.give_up.text);
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

void fk_orders_read(fk_spawner *spawner)
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

void fk_orders_read_last(fk_spawner *spawner)
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
