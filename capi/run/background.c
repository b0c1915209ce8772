/*
 * Serving while the program goes on. With workers the spawner is a child of the program's process, which needs no
 * thread for it; else a thread of the library serves. Either reports through a pipe, so that start and wait have one
 * thing to wait for.
 *
 * The spawner must not outlive its host. A pipe would not tell: the program may fork processes of its own, which
 * inherit the other end. The death signal would come when the thread that called start ends (prctl(2)). So the spawner
 * watches a pidfd of the host, or where the kernel has none, its own parent.
 */
#include "run/background.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/fork.h"
#include "base/process.h"
#include "child/title.h"
#include "log/log.h"
#include "log/logfile.h"
#include "log/logloss.h"
#include "run/host.h"
#include "run/polled.h"
#include "run/preflight.h"
#include "run/run.h"
#include "setup/admin.h"
#include "setup/listener.h"
#include "setup/pidfile.h"
#include "supervisor/child.h"
#include "supervisor/report.h"
#include "supervisor/spawner.h"
#include "supervisor/stop.h"

#define FOR_EVER UINT64_MAX
#define MS_NS UINT64_C(1000000)

enum {
    FREE_PATIENCE_MS = 5000, /* how long forker_server_free() waits for a handler of this process to return */
    LOOK_MS = 20             /* how often the spawner is looked for where the kernel has no pidfd */
};

static const fk_background nothing = {.pidfd = -1, .report = -1, .reporter = -1};

/* ------------------------------------------------------------------------------------------------------- who serves */

/* The spawner's life, from its fork on; all signals are blocked. `mask` is the host's. */
static _Noreturn void spawn(forker_server *server, pid_t host, const sigset_t *mask)
{
    fk_background *background = &server->run.background;
    fk_process.role = FK_ROLE_SPAWNER;
    fk_logloss_forget(server);
    fk_descriptor_close(&background->report);
    background->peer = host;
    background->pidfd = fk_child_open_pidfd(host);
    server->tree.shared->spawner_pid = getpid();
    fk_title_set(server);
    int code = fk_run_serve(server, mask, fk_spawner_run);
    fk_admin_close(server);
    fk_report_tell(server, true, code);
    (void)fflush(NULL);
    _exit(code == FORKER_OK ? 0 : 1);
}

static void *serve_on_thread(void *user)
{
    forker_server *server = user;
    fk_thread.mask = &server->run.mask;
    int code = fk_host_open(server, false);
    if (code == FORKER_OK) {
        fk_report_up(server);
        code = fk_host_serve(server);
    }
    fk_pidfile_remove(server);
    fk_report_tell(server, true, code);
    fk_descriptor_close(&server->run.background.reporter);
    return NULL;
}

/* --------------------------------------------------------------------------------------------------------- the host */

typedef enum { HEARD, LATE, ENDED } hearing;

static bool looks(const fk_background *background)
{
    return background->kind == FK_BACKGROUND_PROCESS && background->pidfd < 0;
}

/* Whether the spawner has exited, where the kernel has no pidfd that would tell. */
static bool has_exited(const fk_background *background)
{
    siginfo_t exit = {0};
    return looks(background) &&
           (waitid(P_PID, (id_t)background->peer, &exit, WEXITED | WNOHANG | WNOWAIT) != 0 || exit.si_pid != 0);
}

/*
 * Waits for a report until a time. ENDED: who serves does no more. The end of the pipe alone would not tell, because
 * processes that were forked meanwhile may hold its other end.
 */
static hearing hear(const fk_background *background, uint64_t until_ns, fk_report *report_out)
{
    for (;;) {
        struct pollfd polled[] = {{.fd = background->report, .events = POLLIN},
                                  {.fd = background->pidfd, .events = POLLIN}};
        uint64_t now = fk_clock();
        uint64_t left_ms = until_ns == FOR_EVER ? INT_MAX : until_ns > now ? (until_ns - now + MS_NS - 1) / MS_NS : 0;
        int wait_ms = left_ms < INT_MAX ? (int)left_ms : until_ns == FOR_EVER ? -1 : INT_MAX;
        if (looks(background) && (wait_ms < 0 || wait_ms > LOOK_MS)) {
            wait_ms = LOOK_MS;
        }
        int ready = poll(polled, 2, wait_ms);
        ssize_t got = read(background->report, report_out, sizeof *report_out);
        if (got == (ssize_t)sizeof *report_out) {
            return HEARD;
        }
        if (got == 0 || (ready > 0 && polled[1].revents != 0) || has_exited(background)) {
            return ENDED;
        }
        if (left_ms == 0) {
            return LATE;
        }
    }
}

/* Reaps the spawner, and if it did not say what has become of it, does so. */
static void reap(forker_server *server, pid_t pid, bool has_spoken)
{
    int status = 0;
    pid_t reaped;
    do {
        reaped = waitpid(pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    if (has_spoken) {
        return;
    }
    if (reaped == pid && WIFSIGNALED(status)) {
        (void)fk_server_fail(server, FORKER_E_SYSTEM, "wait: the spawner (pid %d) was killed by signal %d", (int)pid,
                             WTERMSIG(status));
    } else {
        (void)fk_server_fail(server, FORKER_E_SYSTEM, "wait: the spawner (pid %d) has left without a word", (int)pid);
    }
}

/* Nobody serves in the background any more. */
static void forget(forker_server *server)
{
    fk_report_forget(server);
    server->run.background = nothing;
}

/*
 * Who serves has ended; `last` is what it has said. The server can be set up and run again. A thread closes its end of
 * the pipe after it has said so: what stands in `background` is its own until it is joined.
 */
static int conclude(forker_server *server, const fk_report *last)
{
    if (server->run.background.kind == FK_BACKGROUND_THREAD) {
        (void)pthread_join(server->run.background.thread, NULL);
    } else {
        reap(server, server->run.background.peer, last->is_last);
        fk_listeners_remove_files(server);
    }
    if (last->is_last && last->code != FORKER_OK) {
        memcpy(server->error, last->sentence, sizeof server->error);
    }
    forget(server);
    fk_run_clean_up(server);
    fk_preflight_undo(server, false);
    return last->is_last ? last->code : FORKER_E_SYSTEM;
}

/* Waits for the end; `report` is what was heard latest. FORKER_E_AGAIN: it has not come in time. */
static int await_end(forker_server *server, uint64_t until_ns, fk_report *report)
{
    hearing heard = HEARD;
    while (heard == HEARD && !report->is_last) {
        fk_report next;
        heard = hear(&server->run.background, until_ns, &next);
        if (heard == HEARD) {
            *report = next;
        }
    }
    return heard == LATE ? FORKER_E_AGAIN : conclude(server, report);
}

/* Waits until the server is up. */
static int await_up(forker_server *server, uint64_t until_ns)
{
    fk_report report = {0};
    switch (hear(&server->run.background, until_ns, &report)) {
    case HEARD:
        return report.is_last ? await_end(server, FOR_EVER, &report) : FORKER_OK;
    case LATE:
        (void)fk_stop(server, 0);
        (void)await_end(server, FOR_EVER, &report);
        return fk_server_fail(server, FORKER_E_BOOT, "start: no worker was ready within boot_timeout");
    default:
        return conclude(server, &report);
    }
}

/* Undoes what fk_preflight(), fk_run_prepare() and fk_pidfile_claim() have done. */
static int give_up(forker_server *server, int code)
{
    forget(server);
    fk_pidfile_remove(server);
    fk_run_clean_up(server);
    fk_preflight_undo(server, false);
    return code;
}

/* Forks the spawner. The lock keeps the Go runtime out of this process meanwhile. */
static int fork_spawner(forker_server *server)
{
    sigset_t all, mask;
    pid_t host = getpid();
    fk_process_lock();
    if (fk_process.go_running) {
        fk_process_unlock();
        return fk_server_fail(server, FORKER_E_PROCESS, "start: the Go runtime was started in this process meanwhile");
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask);
    pid_t pid = fk_fork_own(server->hooks.fork_fn, server->hooks.fork_user);
    if (pid == 0) {
        spawn(server, host, &mask);
    }
    int reason = errno != 0 ? errno : EAGAIN; /* a fork_fn of the program's may not set it */
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    fk_process_unlock();
    if (pid < 0) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "start: fork: %s", strerror(reason));
    }
    server->run.background.peer = pid;
    server->run.background.pidfd = fk_child_open_pidfd(pid);
    return FORKER_OK;
}

static int start_process(forker_server *server)
{
    uint64_t until_ns = fk_clock() + (uint64_t)fk_server_option(server, FK_OPTION_BOOT_TIMEOUT);
    server->run.background.kind = FK_BACKGROUND_PROCESS;
    int code = fork_spawner(server);
    if (code != FORKER_OK) {
        return give_up(server, code);
    }
    fk_descriptor_close(&server->run.background.reporter);
    fk_admin_forget(server);
    fk_logfile_close(server);    /* the spawner opens them anew when they are renamed, and not this process */
    fk_listeners_forget(server); /* they are the spawner's now: with one open here a port would outlive the server */
    return await_up(server, until_ns);
}

/*
 * All signals stay blocked on the thread, and on those that the Go runtime makes: the program's handlers are for its
 * own threads.
 */
static int start_thread(forker_server *server)
{
    sigset_t all, mask;
    server->run.background.kind = FK_BACKGROUND_THREAD;
    int code = fk_pidfile_claim(server);
    if (code != FORKER_OK) {
        return give_up(server, code);
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask);
    code = fk_host_start_go(server);
    if (code == FORKER_OK) {
        int reason = pthread_create(&server->run.background.thread, NULL, serve_on_thread, server);
        code = reason == 0 ? code : fk_server_fail(server, FORKER_E_SYSTEM, "start: thread: %s", strerror(reason));
    }
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return code == FORKER_OK ? await_up(server, FOR_EVER) : give_up(server, code);
}

static int start(forker_server *server)
{
    int ends[2];
    int code = fk_preflight(server, "start", false);
    if (code != FORKER_OK) {
        return code;
    }
    code = fk_run_prepare(server);
    if (code != FORKER_OK) {
        return give_up(server, code);
    }
    if (!fk_descriptor_raise_pair(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, ends)) {
        return give_up(server, fk_server_fail(server, FORKER_E_SYSTEM, "start: pipe: %s", strerror(errno)));
    }
    server->run.background.report = ends[0];
    server->run.background.reporter = ends[1];
    return fk_server_option(server, FK_OPTION_WORKERS) != 0 ? start_process(server) : start_thread(server);
}

int forker_server_start(forker_server *server)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    int code = start(server);
    if (code != FORKER_OK) {
        fk_run_report(server);
    }
    return code;
}

/* Whether it is the calling thread that serves: it cannot wait for itself. */
static bool serves_itself(const forker_server *server)
{
    return server->run.background.kind == FK_BACKGROUND_THREAD &&
           pthread_equal(server->run.background.thread, pthread_self());
}

int forker_server_wait(forker_server *server, int32_t timeout_ms)
{
    fk_report report = {0};
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->lost || server->owner != getpid()) {
        return FORKER_E_PROCESS;
    }
    if (server->run.background.kind == FK_BACKGROUND_NONE || serves_itself(server)) {
        return fk_server_fail(server, FORKER_E_STATE, "wait: %s",
                              serves_itself(server) ? "called by the thread that serves"
                                                    : "the server was not started");
    }
    return await_end(server, timeout_ms < 0 ? FOR_EVER : fk_clock() + (uint64_t)timeout_ms * MS_NS, &report);
}

bool fk_background_end(forker_server *server)
{
    if (server->run.state == FK_SERVER_SETUP) {
        return true;
    }
    if ((server->run.background.kind == FK_BACKGROUND_NONE && (!server->run.opened || server->run.polling)) ||
        serves_itself(server)) {
        return false;
    }
    (void)fk_stop(server, 0);
    return server->run.background.kind == FK_BACKGROUND_NONE
               ? fk_poll_to_end(server, FREE_PATIENCE_MS)
               : forker_server_wait(server, FREE_PATIENCE_MS) != FORKER_E_AGAIN;
}
