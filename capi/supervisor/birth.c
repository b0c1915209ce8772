/*
 * The first steps of a forked process, in this order: signal handlers, descriptors, shared memory, limits, room for
 * descriptors, user, death signal, signal mask, post_fork hook, crash handlers, Go. Until Go is started the process has
 * one thread.
 *
 * Signals are unblocked before Go starts, not after: the runtime's threads inherit the mask of the one that starts it.
 * And before the hook: so do programs that it starts.
 */
#include "supervisor/birth.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"
#include "base/entry.h"
#include "base/inventory.h"
#include "base/process.h"
#include "base/servers.h"
#include "base/shared.h"
#include "base/space.h"
#include "child/crash.h"
#include "child/limit.h"
#include "child/privilege.h"
#include "child/title.h"
#include "log/log.h"
#include "log/logloss.h"
#include "setup/admin.h"
#include "setup/callback.h"
#include "setup/keylog.h"
#include "setup/listener.h"
#include "setup/pidfile.h"
#include "setup/ticket.h"
#include "supervisor/report.h"
#include "supervisor/signals.h"

enum { EXIT_FAILED_BOOT = 71 }; /* EX_OSERR of sysexits.h */

/* What a worker's TERM handler writes to; the loop polls it. */
static volatile int drain_fd = -1;

/*
 * A worker that boots has accepted nothing, and leaves at once, also from a hook that hangs; from READY on it finishes
 * what it has.
 */
static void on_drain(int number)
{
    int reason = errno;
    uint64_t one = 1;
    uint32_t booting = FK_SLOT_BOOTING;
    if (fk_signals_strayed(number, fk_process.pid)) {
        return;
    }
    if (__atomic_compare_exchange_n(&fk_process.slot->state, &booting, FK_SLOT_DRAINING, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        _exit(0);
    }
    fk_process.draining = true;
    ssize_t written = write(drain_fd, &one, sizeof one);
    (void)written;
    errno = reason;
}

static void set_handler(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    fk_disposition_set(number, &action);
}

/*
 * Master and workers follow the spawner, not the terminal: what a shell sends to the whole process group on Ctrl-C or
 * hangup is the spawner's to handle. The program's handlers for other signals stay.
 */
static void set_signals(void)
{
    fk_disposition_ignore(SIGINT);
    fk_disposition_ignore(SIGHUP);
    fk_disposition_ignore(SIGPIPE);
    set_handler(SIGCHLD, SIG_DFL);
    fk_signals_leave();
}

/* The caller's mask, but never without the signals that the library and the Go runtime need. */
static void unblock_signals(sigset_t mask)
{
    static const int needed[] = {SIGTERM, SIGQUIT, SIGURG,  SIGSEGV, SIGBUS, SIGFPE,
                                 SIGILL,  SIGABRT, SIGTRAP, SIGSYS,  SIGPROF};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        (void)sigdelset(&mask, needed[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

/* Closes what belongs to the spawner alone. The program's own descriptors are the program's. */
static void close_spawner_fds(fk_spawner *spawner)
{
    fk_spawner_forget(spawner);
    fk_descriptor_close((int *)&spawner->server->tree.wake_fd);
    fk_pidfile_forget(spawner->server);
    fk_report_forget(spawner->server);
}

/* Ends the process without atexit functions and destructors: they are the host process's. */
static _Noreturn void leave(forker_server *server, int status)
{
    fk_log_close(server);
    (void)fflush(NULL);
    _exit(status);
}

static _Noreturn void fail_boot(forker_server *server, const char *reason, int code)
{
    fk_log(server, FORKER_LOG_ERROR, "%s (%d)", reason, code);
    leave(server, EXIT_FAILED_BOOT);
}

/* The process may have less address space than the one that called run: a hook can have taken some, or set a limit. */
static void start_go(forker_server *server)
{
    int code = fk_space_check(server);
    if (code != FORKER_OK) {
        fail_boot(server, server->error, code);
    }
    code = fk_process_start_go();
    if (code != FORKER_OK) {
        fail_boot(server, "the Go runtime cannot be started", code);
    }
}

/* `failed` is what has failed, with errno, or NULL. */
static void need(forker_server *server, const char *failed)
{
    if (failed != NULL) {
        fk_log(server, FORKER_LOG_ERROR, "%s: %s", failed, strerror(errno));
        leave(server, EXIT_FAILED_BOOT);
    }
}

/*
 * The death signal comes when the thread that forked us ends (prctl(2)); the life line is what counts, this helps when
 * the loop does not run. If the spawner died before it was armed, nobody would send it: then the life line has ended.
 * getppid(2) would not tell: it is 1 for the children of a spawner that is pid 1 itself, and 0 for one in another pid
 * namespace.
 */
static void follow_spawner(const fk_spawner *spawner, int number)
{
    struct pollfd line = {.fd = spawner->lifeline[0], .events = POLLIN};
    (void)prctl(PR_SET_PDEATHSIG, number);
    if (poll(&line, 1, 0) > 0) {
        _exit(0);
    }
}

_Noreturn void fk_birth_master(fk_spawner *spawner, int channel)
{
    forker_server *server = spawner->server;
    fk_process.role = FK_ROLE_MASTER;
    fk_title_set(server);
    set_signals();
    fk_disposition_ignore(SIGTERM);
    fk_disposition_ignore(SIGQUIT);
    (void)fk_inventory_add(channel);
    close_spawner_fds(spawner);
    fk_tickets_close(server);
    fk_keylog_close(server);
    fk_logloss_forget(server);
    fk_listeners_forget(server);
    (void)fk_descriptor_hold_low(); /* for good: nothing of the program runs here */
    fk_servers_visit(fk_shared_forget_orders);
    fk_descriptor_close(&spawner->poke[1]);
    need(server, fk_privilege_drop(server));
    follow_spawner(spawner, SIGKILL);
    fk_descriptor_close(&spawner->lifeline[0]);
    unblock_signals(server->run.mask);
    start_go(server);
    leave(server, fk_entry_master(server, channel));
}

_Noreturn void fk_birth_inspector(fk_spawner *spawner, int fd)
{
    forker_server *server = spawner->server;
    fk_process.role = FK_ROLE_MASTER; /* of the processes that serve nobody */
    set_signals();
    (void)fk_inventory_add(fd);
    close_spawner_fds(spawner);
    fk_tickets_close(server);
    fk_keylog_close(server);
    fk_logloss_forget(server);
    fk_listeners_forget(server);
    (void)fk_descriptor_hold_low();
    need(server, fk_privilege_drop(server));
    follow_spawner(spawner, SIGKILL);
    fk_descriptor_close(&spawner->lifeline[0]);
    unblock_signals(server->run.mask);
    start_go(server);
    leave(server, fk_entry_inspect(server, fd));
}

_Noreturn void fk_birth_worker(fk_spawner *spawner, uint32_t index, int channel)
{
    forker_server *server = spawner->server;
    fk_slot *slot = fk_server_slot(server, index);
    fk_process.role = FK_ROLE_WORKER;
    fk_process.worker = (int32_t)index;
    fk_process.generation = spawner->workers[index].generation;
    fk_process.server = server;
    fk_process.slot = slot;
    fk_process.pid = getpid();
    slot->pid = getpid();
    drain_fd = fk_inventory_add(fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    (void)fk_inventory_add(channel);
    set_signals();
    set_handler(SIGTERM, on_drain);
    set_handler(SIGQUIT, on_drain);
    close_spawner_fds(spawner);
    fk_tickets_protect(server);
    server->tree.wake_fd = spawner->poke[1];
    spawner->poke[1] = -1;
    need(server, fk_shared_confine(server, index));
    fk_servers_visit(fk_shared_forget_orders);
    fk_logloss_forget(server);
    fk_admin_forget(server);
    fk_title_set(server);
    need(server, fk_limit_apply(server, index));
    fk_limit_reserve(drain_fd);
    need(server, fk_privilege_drop(server));
    follow_spawner(spawner, SIGKILL); /* a hook that hangs would not hear of anything else */
    __atomic_store_n(&slot->state, FK_SLOT_BOOTING, __ATOMIC_RELEASE);
    unblock_signals(server->run.mask);
    int code = fk_callback_hook(server, &server->hooks.post_fork);
    if (code < 0) {
        fail_boot(server, "the post_fork hook failed", code);
    }
    fk_crash_watch();
    start_go(server);
    fk_crash_watch_before_go();
    code = fk_callback_hook(server, &server->hooks.worker_init);
    if (code < 0) {
        fail_boot(server, "the worker_init hook failed", code);
    }
    fk_title_yield();
    code = fk_listeners_check(server);
    if (code != FORKER_OK) {
        fail_boot(server, server->error, code);
    }
    fk_signals_use_altstack();
    follow_spawner(spawner, SIGTERM);
    code = fk_entry_worker(server, channel, spawner->lifeline[0], drain_fd);
    (void)fk_callback_hook(server, &server->hooks.worker_exit);
    leave(server, code == FORKER_OK ? 0 : EXIT_FAILED_BOOT);
}
