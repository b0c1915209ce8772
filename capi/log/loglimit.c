/* The rate of log lines: for each level a window of a second, which the first line opens. */
#include "log/loglimit.h"

#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"

#define WINDOW_NS UINT64_C(1000000000)

void fk_loglimit_arm(const forker_server *server)
{
    const struct itimerspec once = {.it_value = {.tv_sec = 1, .tv_nsec = 1000000}};
    if (server->logs.limit.timer >= 0) {
        (void)timerfd_settime(server->logs.limit.timer, 0, &once, NULL);
    }
}

uint32_t fk_loglimit_close(forker_server *server, int level)
{
    uint32_t missed = server->logs.limit.windows[level].missed;
    memset(&server->logs.limit.windows[level], 0, sizeof server->logs.limit.windows[level]);
    return missed;
}

uint32_t fk_loglimit_missed(forker_server *server, int level)
{
    return fk_clock() >= server->logs.limit.windows[level].ends_ns ? fk_loglimit_close(server, level) : 0;
}

uint64_t fk_loglimit_due(const forker_server *server, int level)
{
    return server->logs.limit.windows[level].missed > 0 ? server->logs.limit.windows[level].ends_ns : UINT64_MAX;
}

bool fk_loglimit_allows(forker_server *server, int level, uint32_t *missed_out)
{
    int64_t most = fk_server_option(server, FK_OPTION_LOG_RATE);
    fk_loglimit *limit = &server->logs.limit;
    *missed_out = fk_loglimit_missed(server, level);
    if (limit->windows[level].written == 0) {
        limit->windows[level].ends_ns = fk_clock() + WINDOW_NS;
    }
    if (most >= 0 && limit->windows[level].written >= most) {
        if (limit->windows[level].missed++ == 0) {
            fk_loglimit_arm(server); /* the end of a crowded window is noticed, even if nothing is logged any more */
        }
        return false;
    }
    limit->windows[level].written++;
    return true;
}

int fk_loglimit_timer(forker_server *server)
{
    if (server->logs.limit.timer < 0) {
        server->logs.limit.timer = fk_descriptor_raise(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    }
    return server->logs.limit.timer;
}
