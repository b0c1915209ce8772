/* One master after the other. */
#include "supervisor/succession.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "log/log.h"
#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/exitrecord.h"
#include "supervisor/shutdown.h"

#define SECOND_NS UINT64_C(1000000000)
#define SETTLED_NS (SECOND_NS / 10) /* how long a master lives that did not die of its start */

enum { BOOTS_MAX = 3 /* failed boots of a first master before run gives up */ };

static void describe_status(int status, char *text, size_t size)
{
    if (status == -1) {
        (void)snprintf(text, size, "was reaped by somebody else");
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, size, "was killed by signal %d", WTERMSIG(status));
    } else {
        (void)snprintf(text, size, "exited with status %d", WEXITSTATUS(status));
    }
}

/* Without a first master nobody ever serves: after some attempts run ends. false: another attempt is made. */
static bool give_up_master(fk_spawner *spawner, const char *what)
{
    char reason[192];
    if (spawner->master_was_ready || spawner->master.failed_boots < BOOTS_MAX) {
        return false;
    }
    (void)snprintf(reason, sizeof reason, "the master process cannot start: it %s", what);
    fk_shutdown_give_up(spawner, FK_GIVE_UP_BOOT, reason);
    return true;
}

/*
 * When the next one is forked after the n-th failed boot in a row. Soon: without a master nobody sees a worker that
 * hangs.
 */
static uint64_t next_attempt(const fk_spawner *spawner, uint64_t now)
{
    uint64_t delay = fk_child_backoff(spawner->master.failed_boots);
    return spawner->master.failed_boots == 0 ? now : now + (delay < SECOND_NS ? delay : SECOND_NS);
}

void fk_succession_follow(fk_spawner *spawner, int status)
{
    char text[64];
    uint64_t now = fk_clock();
    spawner->master_ready = false;
    spawner->server->tree.shared->master_pid = 0;
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        fk_exit_record_say(spawner, i);
    }
    if (spawner->stopping) {
        return;
    }
    describe_status(status, text, sizeof text);
    bool settled = spawner->master_came_up && now - spawner->master.born_ns > SETTLED_NS;
    spawner->master.failed_boots = settled ? 0 : spawner->master.failed_boots + 1;
    if (give_up_master(spawner, text)) {
        return;
    }
    spawner->master.retry_ns = next_attempt(spawner, now);
    fk_log(spawner->server, FORKER_LOG_WARN, "the master %s; starting another, the workers go on", text);
}

uint64_t fk_succession_fork(fk_spawner *spawner, uint64_t now)
{
    char text[96];
    fk_child *master = &spawner->master;
    if (master->pid != 0) {
        return UINT64_MAX;
    }
    if (now < master->retry_ns) {
        return master->retry_ns;
    }
    spawner->master_came_up = false;
    if (!fk_child_fork_master(spawner)) {
        (void)snprintf(text, sizeof text, "cannot be forked: %s", strerror(errno));
        master->failed_boots++;
        master->retry_ns = next_attempt(spawner, now);
        if (!give_up_master(spawner, text)) {
            fk_log(spawner->server, FORKER_LOG_ERROR, "the master %s", text);
        }
    }
    return master->pid == 0 ? master->retry_ns : UINT64_MAX;
}
