/*
 * Silence is counted in steps: a look at the clock adds no more than one, however long ago the last one was. So time in
 * which the spawner did not run either, because the machine slept or all of the tree was stopped, counts as a step at
 * most, and a master that was stopped with everybody else answers long before it is taken for dead.
 */
#include "supervisor/watch.h"

#include <signal.h>

#include "base/procstat.h"
#include "log/log.h"
#include "supervisor/control.h"
#include "supervisor/spawner.h"
#include "supervisor/telling.h"

enum { STEPS = 10 /* of the timeout */, QUESTIONS = 2 /* within the timeout */ };

void fk_watch_heard(fk_spawner *spawner)
{
    spawner->watch.asked = false;
    spawner->watch.silent_ns = 0;
}

/* One that boots is expected to say HELLO by itself. */
static void ask(fk_spawner *spawner, uint64_t now, uint64_t limit)
{
    fk_watch *watch = &spawner->watch;
    watch->asked = true;
    watch->silent_ns = 0;
    watch->looked_ns = now;
    watch->ask_ns = now + limit / QUESTIONS;
    fk_tell(spawner, FK_MSG_PING, NULL, 0);
}

/* A debugger that holds it knows what it does. */
static void end_silence(fk_spawner *spawner, uint64_t limit)
{
    pid_t master = spawner->master.pid;
    spawner->watch.silent_ns = 0;
    if (fk_procstat_is_traced(master)) {
        return;
    }
    fk_log(spawner->server, FORKER_LOG_ERROR, "the master (pid %d) has given no sign of life for %llu s: killing it",
           (int)master, (unsigned long long)(limit / 1000000000));
    (void)kill(master, SIGKILL);
}

uint64_t fk_watch_follow(fk_spawner *spawner)
{
    fk_watch *watch = &spawner->watch;
    int64_t option = fk_server_option(spawner->server, FK_OPTION_MASTER_TIMEOUT);
    uint64_t now = fk_clock(), limit = (uint64_t)option, step = limit / STEPS;
    if (option <= 0 || spawner->master.pid == 0) {
        fk_watch_heard(spawner);
        return UINT64_MAX;
    }
    if (!watch->asked) {
        if (spawner->master_ready && now < watch->ask_ns) {
            return watch->ask_ns;
        }
        ask(spawner, now, limit);
        return now + step;
    }
    uint64_t elapsed = now - watch->looked_ns;
    watch->silent_ns += elapsed < step ? elapsed : step;
    watch->looked_ns = now;
    if (watch->silent_ns >= limit) {
        end_silence(spawner, limit);
    }
    return now + step;
}
