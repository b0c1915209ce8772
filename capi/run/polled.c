/*
 * Serving on the program's own event loop: what the thread of forker_server_start() does otherwise, one step at a time.
 */
#include "run/polled.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/entry.h"
#include "base/process.h"
#include "log/log.h"
#include "run/host.h"
#include "run/preflight.h"
#include "run/run.h"
#include "setup/callback.h"
#include "setup/pidfile.h"

enum { STEP_MS = 100 };

/* Undoes all of forker_server_open(). */
static void close_up(forker_server *server)
{
    server->run.opened = false;
    fk_pidfile_remove(server);
    fk_run_clean_up(server);
    fk_preflight_undo(server, false);
}

static int open_prepared(forker_server *server)
{
    static int (*const steps[])(forker_server *) = {fk_run_prepare, fk_pidfile_claim, fk_host_start_go};
    int code = FORKER_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == FORKER_OK; i++) {
        code = steps[i](server);
    }
    return code == FORKER_OK ? fk_host_open(server, true) : code;
}

int fk_poll_open(forker_server *server, const char *verb, bool portless)
{
    bool own = server->owner == getpid(), running = server->run.state == FK_SERVER_RUNNING;
    bool forks = own && fk_server_option(server, FK_OPTION_WORKERS) != 0;
    server->run.portless = own && !running ? portless : server->run.portless;
    int code = forks ? fk_server_fail(server, FORKER_E_OPTION, "%s: option workers must be 0", verb)
                     : fk_preflight(server, verb, false);
    if (code == FORKER_OK) {
        code = open_prepared(server);
        server->run.opened = code == FORKER_OK;
        if (!server->run.opened) {
            close_up(server);
        }
    }
    if (code != FORKER_OK) {
        fk_run_report(server);
    }
    return code;
}

int forker_server_open(forker_server *server)
{
    return server != NULL ? fk_poll_open(server, "open", false) : FORKER_E_INVALID;
}

/* Whether the server is served in this process. */
static bool is_here(const forker_server *server)
{
    if (server->run.lent && fk_process.role == FK_ROLE_WORKER) { /* polled most often: without a system call */
        return !server->lost && !fk_process.go_lost;
    }
    return !server->lost && server->owner == getpid();
}

int fk_poll_check(forker_server *server, const char *verb)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (!is_here(server)) {
        return FORKER_E_PROCESS;
    }
    if (!server->run.opened || server->run.polling) {
        return fk_server_fail(server, FORKER_E_STATE, "%s: %s", verb,
                              server->run.polling ? "called by a callback of the server" : "the server is not open");
    }
    return FORKER_OK;
}

int forker_server_poll_fd(forker_server *server)
{
    int code = fk_poll_check(server, "poll");
    return code == FORKER_OK ? fk_entry_host_fd(server) : code;
}

/* Whoever has lent it ends it: this is a call from within the program's loop, in which the caller goes on to be. */
static int poll_lent(forker_server *server, int32_t timeout_ms)
{
    server->run.polling = true;
    int code = fk_entry_host_poll(server, timeout_ms);
    server->run.polling = false;
    server->run.opened = code > 0;
    fk_thread.in_program = true;
    return code;
}

int fk_poll_step(forker_server *server, int32_t timeout_ms)
{
    server->run.polling = true;
    int code = fk_host_poll(server, timeout_ms);
    server->run.polling = false;
    if (code <= 0) {
        close_up(server);
    }
    return code;
}

int forker_server_poll(forker_server *server, int32_t timeout_ms)
{
    int code = fk_poll_check(server, "poll");
    if (code != FORKER_OK) {
        return code;
    }
    timeout_ms = timeout_ms < 0 ? INT32_MAX : timeout_ms;
    return server->run.lent ? poll_lent(server, timeout_ms) : fk_poll_step(server, timeout_ms);
}

int fk_poll_lend(forker_server *server)
{
    server->run.lent = server->run.opened = true;
    int code = fk_callback_hook(server, &server->hooks.worker_loop);
    server->run.lent = server->run.opened = false;
    return code;
}

bool fk_poll_to_end(forker_server *server, int32_t patience_ms)
{
    uint64_t until_ns = fk_clock() + (uint64_t)patience_ms * 1000000;
    while (server->run.opened && fk_clock() < until_ns) {
        (void)forker_server_poll(server, STEP_MS);
    }
    return !server->run.opened;
}
