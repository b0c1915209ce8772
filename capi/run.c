/* Running and stopping a server: the checks before, the shared memory, the way back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "run.h"

#include "action.h"
#include "admin.h"
#include "asker.h"
#include "background.h"
#include "descriptor.h"
#include "heritage.h"
#include "host.h"
#include "keylog.h"
#include "limit.h"
#include "listener.h"
#include "log.h"
#include "logfile.h"
#include "path.h"
#include "pidfile.h"
#include "preflight.h"
#include "privilege.h"
#include "process.h"
#include "shard.h"
#include "shared.h"
#include "signals.h"
#include "space.h"
#include "spawner.h"
#include "ticket.h"

/*
 * It stays open between two runs: a stop that comes just then, from another thread, must not write to somebody else's.
 */
static bool open_wake_fd(forker_server *server)
{
    uint64_t stale;
    if (server->wake_fd < 0) {
        server->wake_fd = fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        return server->wake_fd >= 0;
    }
    ssize_t got = read(server->wake_fd, &stale, sizeof stale);
    (void)got;
    return true;
}

/* Brings the limit of a stop down to a time. */
static void shorten(volatile int32_t *limit_ms, int32_t wanted_ms)
{
    int32_t before = __atomic_load_n(limit_ms, __ATOMIC_SEQ_CST);
    while (wanted_ms < before &&
           !__atomic_compare_exchange_n(limit_ms, &before, wanted_ms, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    }
}

/*
 * A stop that has come before counts for this run: it may be of a signal that the program got while it was starting. To
 * whoever asks just now the shared memory is visible already, or what he asks is seen here.
 */
static void take_early_stop(forker_server *server)
{
    int32_t early_ms = __atomic_exchange_n(&server->early_stop_ms, FK_NO_STOP, __ATOMIC_SEQ_CST);
    if (early_ms != FK_NO_STOP) {
        server->orders->askers[FK_ASK_STOP] = server->early_asker;
        shorten(&server->shared->stop_timeout_ms, early_ms);
        fk_server_wake(server);
    }
}

static int prepare_shared(forker_server *server)
{
    if (!open_wake_fd(server)) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "%s: eventfd: %s", server->verb, strerror(errno));
    }
    int code = fk_shared_map(server);
    if (code == FORKER_OK) {
        take_early_stop(server);
    }
    return code;
}

/* When all else is mapped that Go's processes will have too. */
static int check_space(forker_server *server)
{
    return fk_process.go_running ? FORKER_OK : fk_space_check(server);
}

int fk_run_prepare(forker_server *server)
{
    static int (*const steps[])(forker_server *) = {
        fk_path_begin,      fk_admin_open,  fk_tickets_open,      fk_heritage_drop, fk_listeners_reopen,
        fk_listeners_check, fk_shards_open, fk_privilege_prepare, fk_limit_check,   fk_logfile_open,
        fk_keylog_open,     prepare_shared, check_space};
    int code = FORKER_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == FORKER_OK; i++) {
        code = steps[i](server);
    }
    (void)fflush(NULL); /* what is in stdio's buffers now must not be written by every child */
    return code;
}

void fk_run_clean_up(forker_server *server)
{
    fk_privilege_release(server);
    fk_admin_close(server);
    fk_logfile_close(server);
    fk_keylog_close(server);
    fk_shared_end(server);
}

int fk_run_serve(forker_server *server, const sigset_t *mask, int (*serve)(forker_server *))
{
    int code = fk_pidfile_claim(server);
    if (code == FORKER_OK && !fk_signals_take(server, mask, server->background.kind != FK_BACKGROUND_NONE)) {
        code = fk_server_fail(server, FORKER_E_STATE,
                              "%s: another server has the signals of this process; set option handle_signals=off",
                              server->verb);
    } else if (code == FORKER_OK) {
        code = serve(server);
        fk_signals_give_back(server);
        fk_listeners_close(server);
    }
    fk_pidfile_remove(server);
    return code;
}

static int run_prepared(forker_server *server, bool forks)
{
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return fk_run_serve(server, &mask, forks ? fk_spawner_run : fk_host_run);
}

int forker_server_run(forker_server *server)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    bool forks = fk_server_option(server, FK_OPTION_WORKERS) != 0;
    int code = fk_preflight(server, "run", forks);
    if (code == FORKER_OK) {
        code = fk_run_prepare(server);
        if (code == FORKER_OK) {
            code = run_prepared(server, forks);
        }
        fk_run_clean_up(server);
        fk_preflight_undo(server, forks);
    }
    if (code != FORKER_OK) {
        fk_run_report(server);
    }
    return code;
}

/* The file of option error_log is not open, because it never came to that, or not any more. */
void fk_run_report(forker_server *server)
{
    fk_log(server, FORKER_LOG_ERROR, "%s", server->error);
    if (server->log_fn == NULL && fk_logfile_open_errors(server)) { /* which writes the line there too */
        fk_logfile_close(server);
    }
}

void fk_server_wake(const forker_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one);
    (void)written;
}

/* A worker says it in its slot. The soonest stop of those that it has asked for counts. */
static void ask_stop(forker_server *server, uint32_t timeout_ms)
{
    fk_slot *slot = fk_server_slot(server, (uint32_t)fk_process.worker);
    uint32_t wanted = timeout_ms + 1, before = fk_load(&slot->asked_stop);
    while ((before == 0 || wanted < before) && !__atomic_compare_exchange_n(&slot->asked_stop, &before, wanted, false,
                                                                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    (void)__atomic_fetch_or(&slot->asked, FK_ACTION_STOP, __ATOMIC_ACQ_REL);
    fk_server_wake(server);
}

int fk_server_stop(forker_server *server, int32_t timeout_ms)
{
    int64_t wanted = timeout_ms >= 0 ? timeout_ms : fk_server_option(server, FK_OPTION_DRAIN_TIMEOUT) / 1000000;
    wanted = wanted < FK_NO_STOP ? wanted : FK_NO_STOP - 1;
    if (fk_process.role == FK_ROLE_WORKER && fk_process.server == server) {
        ask_stop(server, (uint32_t)wanted);
        return FORKER_OK;
    }
    shorten(&server->early_stop_ms, (int32_t)wanted);
    fk_shared *shared = server->shared;
    if (shared != NULL) {
        __atomic_store_n(&server->early_stop_ms, FK_NO_STOP, __ATOMIC_SEQ_CST);
        shorten(&shared->stop_timeout_ms, (int32_t)wanted);
        fk_server_wake(server);
    }
    return FORKER_OK;
}

int forker_server_stop(forker_server *server, int32_t timeout_ms)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->lost) {
        return FORKER_E_PROCESS;
    }
    fk_asker_note(server, FK_ASK_STOP);
    return fk_server_stop(server, timeout_ms);
}
