/* The rate of log lines: for each level a window of a second, which the first line opens. */
#include "loglimit.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include "spawner.h"

enum { LEVELS = FORKER_LOG_DEBUG + 1 };

#define WINDOW_NS UINT64_C(1000000000)

typedef struct {
    uint64_t ends_ns;
    int64_t written;
    uint32_t missed;
} window;

/* Owned by the main thread of the process. */
static window windows[LEVELS];
static int timer = -1;

/* Sees to it that the end of a crowded window is noticed, even if nothing is logged any more. */
static void arm_timer(void)
{
    const struct itimerspec once = {.it_value = {.tv_sec = 1, .tv_nsec = 1000000}};
    if (timer >= 0) {
        (void)timerfd_settime(timer, 0, &once, NULL);
    }
}

uint32_t fk_loglimit_missed(int level)
{
    window *w = &windows[level];
    uint32_t missed = 0;
    if (fk_clock() >= w->ends_ns) {
        missed = w->missed;
        *w = (window){0};
    }
    return missed;
}

bool fk_loglimit_allows(forker_server *server, int level, uint32_t *missed_out)
{
    int64_t most = fk_server_option(server, FK_OPTION_LOG_RATE);
    window *w = &windows[level];
    *missed_out = fk_loglimit_missed(level);
    if (w->written == 0) {
        w->ends_ns = fk_clock() + WINDOW_NS;
    }
    if (most >= 0 && w->written >= most) {
        if (w->missed++ == 0) {
            arm_timer();
        }
        return false;
    }
    w->written++;
    return true;
}

int fk_loglimit_timer(void)
{
    if (timer < 0) {
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    }
    return timer;
}
