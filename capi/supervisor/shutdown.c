#include "supervisor/shutdown.h"

#include <signal.h>

#include "base/descriptor.h"
#include "setup/listener.h"
#include "supervisor/control.h"
#include "supervisor/telling.h"
#include "supervisor/upgrade.h"

#define SECOND_NS UINT64_C(1000000000)
#define STOP_SLACK_NS SECOND_NS /* what the master gets beyond the limit that it enforces itself */

int32_t fk_shutdown_left_ms(const fk_spawner *spawner)
{
    uint64_t now = fk_clock(), limit = spawner->stop_ns - STOP_SLACK_NS;
    if (!spawner->stopping) {
        return -1;
    }
    return limit > now ? (int32_t)((limit - now) / 1000000) : 0;
}

void fk_shutdown_begin(fk_spawner *spawner, int32_t timeout_ms)
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
    fk_msg_stop limits = {timeout_ms};
    fk_tell(spawner, FK_MSG_STOP, &limits, sizeof limits);
}

/*
 * Where no worker is ready there is nothing to drain; where they only die too often the others finish what they have.
 */
void fk_shutdown_give_up(fk_spawner *spawner, int32_t reason, const char *text)
{
    bool restarts = reason == FK_GIVE_UP_RESTARTS;
    if (spawner->result == FORKER_OK) {
        spawner->result = fk_server_fail(spawner->server, restarts ? FORKER_E_RESTARTS : FORKER_E_BOOT, "%s", text);
    }
    fk_shutdown_begin(spawner,
                      restarts ? (int32_t)(fk_server_option(spawner->server, FK_OPTION_DRAIN_TIMEOUT) / 1000000) : 0);
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

uint64_t fk_shutdown_follow(fk_spawner *spawner)
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

bool fk_shutdown_is_over(const fk_spawner *spawner)
{
    return spawner->stopping && spawner->master.pid == 0 && !has_workers(spawner) && !fk_upgrade_is_pending(spawner);
}
