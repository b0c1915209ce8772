/* Orphans. */
#include "supervisor/reaper.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"

enum { ROUND = 256 }; /* orphans of one sweep: the loop has other things to do */

static volatile int exits_fd = -1;
static bool handled, sweeps;
static struct sigaction before; /* the handler: the program's, or that of signals.c */

static void on_exit_of_child(int number)
{
    int reason = errno;
    uint64_t one = 1;
    (void)number;
    ssize_t written = write(exits_fd, &one, sizeof one);
    (void)written;
    errno = reason;
}

void fk_reaper_start(void)
{
    struct sigaction action;
    if (getpid() != 1) {
        return;
    }
    (void)sigaction(SIGCHLD, NULL, &before);
    exits_fd = fk_descriptor_raise(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); /* 1: some may be waiting already */
    sweeps = exits_fd < 0 || (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN);
    if (sweeps) {
        return;
    }
    memset(&action, 0, sizeof action);
    action.sa_handler = on_exit_of_child;
    action.sa_flags = SA_ONSTACK | SA_RESTART | SA_NOCLDSTOP;
    (void)sigemptyset(&action.sa_mask);
    fk_disposition_set(SIGCHLD, &action);
    handled = true;
}

void fk_reaper_stop(void)
{
    if (handled) {
        fk_disposition_set(SIGCHLD, &before);
    }
    handled = sweeps = false;
    fk_reaper_forget();
}

void fk_reaper_forget(void)
{
    int fd = exits_fd;
    exits_fd = -1;
    if (fd >= 0) {
        (void)close(fd);
    }
}

int fk_reaper_fd(void)
{
    return exits_fd;
}

bool fk_reaper_sweeps(void)
{
    return sweeps;
}

static bool is_own(const fk_spawner *spawner, pid_t pid)
{
    bool own = pid == spawner->master.pid;
    for (uint32_t i = 0; i < spawner->slots_used; i++) {
        own = own || pid == spawner->workers[i].pid;
    }
    return own;
}

void fk_reaper_sweep(const fk_spawner *spawner)
{
    uint64_t count;
    if (exits_fd < 0 && !sweeps) {
        return;
    }
    ssize_t got = read(exits_fd, &count, sizeof count);
    (void)got;
    for (int i = 0; i < ROUND; i++) {
        siginfo_t info = {0};
        /* WNOWAIT: only looks. An own child that is found first is reaped by the loop, which its pidfd wakes. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
            return;
        }
        if (is_own(spawner, info.si_pid)) {
            break;
        }
        (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
    }
    on_exit_of_child(SIGCHLD); /* there may be more */
}
