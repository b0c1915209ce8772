/* Running and stopping a server: the checks before, the shared memory, the way back. */
#include "run/run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/path.h"
#include "base/process.h"
#include "base/shared.h"
#include "base/space.h"
#include "child/limit.h"
#include "child/privilege.h"
#include "log/log.h"
#include "log/logfile.h"
#include "run/host.h"
#include "run/preflight.h"
#include "setup/admin.h"
#include "setup/gateoption.h"
#include "setup/group.h"
#include "setup/inherited.h"
#include "setup/keylog.h"
#include "setup/listener.h"
#include "setup/pidfile.h"
#include "setup/secretfile.h"
#include "setup/shard.h"
#include "setup/ticket.h"
#include "supervisor/asker.h"
#include "supervisor/signals.h"
#include "supervisor/spawner.h"
#include "supervisor/stop.h"

/*
 * It stays open between two runs: a stop that comes just then, from another thread, must not write to somebody else's.
 */
static bool open_wake_fd(forker_server *server)
{
    uint64_t stale;
    if (server->tree.wake_fd < 0) {
        server->tree.wake_fd = fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        return server->tree.wake_fd >= 0;
    }
    ssize_t got = read(server->tree.wake_fd, &stale, sizeof stale);
    (void)got;
    return true;
}

static int prepare_shared(forker_server *server)
{
    if (!open_wake_fd(server)) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "%s: eventfd: %s", server->run.verb, strerror(errno));
    }
    int code = fk_shared_map(server);
    if (code == FORKER_OK) {
        fk_stop_take_early(server);
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
        fk_groups_plan,      fk_path_begin,      fk_admin_open,         fk_tickets_open,      fk_inherited_drop,
        fk_listeners_reopen, fk_listeners_check, fk_shards_open,        fk_privilege_prepare, fk_limit_check,
        fk_logfile_open,     fk_keylog_open,     fk_gate_options_check, fk_secretfiles_open,  fk_gate_rates_open,
        prepare_shared,      check_space};
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
    if (code == FORKER_OK && !fk_signals_take(server, mask, server->run.background.kind != FK_BACKGROUND_NONE)) {
        code = fk_server_fail(server, FORKER_E_STATE,
                              "%s: another server has the signals of this process; set option handle_signals=off",
                              server->run.verb);
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
    if (server->hooks.log_fn == NULL && fk_logfile_open_errors(server)) { /* which writes the line there too */
        fk_logfile_close(server);
    }
}
