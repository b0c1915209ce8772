/*
 * Serving in the program's own process, with workers=0. The thread that serves calls the handlers, as the main thread
 * of a worker does; each server has an engine of its own.
 */
#include "run/host.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/disposition.h"
#include "base/entry.h"
#include "base/process.h"
#include "log/log.h"
#include "setup/callback.h"
#include "setup/listener.h"
#include "supervisor/signals.h"

/* The process is what is in slot 0. */
static void enter_slot(forker_server *server)
{
    fk_slot *slot = fk_server_slot(server, 0);
    slot->pid = getpid();
    slot->generation = 1;
    slot->born_ns = fk_clock();
    slot->state = FK_SLOT_BOOTING;
    server->tree.shared->wanted = 1;
    server->tree.shared->worker_starts = 1;
}

static void leave_slot(const forker_server *server)
{
    fk_slot *slot = fk_server_slot(server, 0);
    slot->state = FK_SLOT_EMPTY;
    slot->connections = slot->in_flight = 0;
    slot->pid = 0;
}

static void end(forker_server *server)
{
    (void)fk_callback_hook(server, &server->hooks.worker_exit);
    fk_log_close(server);
    leave_slot(server);
    fk_listeners_forget(server); /* those that the engine did not come to take */
    fk_listeners_remove_files(server);
}

/*
 * The threads of the runtime inherit the mask: the program's signals are for the program's threads. The runtime handles
 * SIGPIPE, and then nothing that writes into a broken pipe ends the program any more; that is not for a library to
 * decide, so it is put back.
 */
int fk_host_start_go(forker_server *server)
{
    sigset_t all, mask;
    struct sigaction on_pipe;
    (void)sigaction(SIGPIPE, NULL, &on_pipe);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &mask);
    int code = fk_process_start_go();
    (void)sigaction(SIGPIPE, &on_pipe, NULL);
    (void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
    return code == FORKER_OK
               ? code
               : fk_server_fail(server, code, "%s: the Go runtime cannot be started in this process", server->run.verb);
}

int fk_host_open(forker_server *server, bool polled)
{
    enter_slot(server);
    int code = fk_callback_hook(server, &server->hooks.worker_init);
    if (code < 0) {
        leave_slot(server);
        return fk_server_fail(server, FORKER_E_BOOT, "%s: the worker_init hook failed (%d)", server->run.verb, code);
    }
    code = fk_listeners_check(server);
    if (code != FORKER_OK) {
        leave_slot(server);
        return code;
    }
    fk_signals_use_altstack();
    code = fk_entry_host_open(server, polled);
    if (code != FORKER_OK) {
        end(server);
        return code == FORKER_E_CERTIFICATE || code == FORKER_E_OPTION /* which have a sentence */
                   ? code
                   : fk_server_fail(server, code, "%s: the engine cannot be started, see the log", server->run.verb);
    }
    server->tree.shared->phase = FK_PHASE_SERVING;
    fk_listeners_tell(server);
    return FORKER_OK;
}

static int conclude(forker_server *server, int code)
{
    end(server);
    return code == FORKER_OK ? code
                             : fk_server_fail(server, code, "%s: the engine has failed, see the log", server->run.verb);
}

int fk_host_serve(forker_server *server)
{
    return conclude(server, fk_entry_host_serve(server));
}

int fk_host_poll(forker_server *server, int32_t timeout_ms)
{
    int code = fk_entry_host_poll(server, timeout_ms);
    return code > 0 ? code : conclude(server, code);
}

int fk_host_run(forker_server *server)
{
    int code = fk_host_start_go(server);
    if (code == FORKER_OK) {
        code = fk_host_open(server, false);
    }
    return code == FORKER_OK ? fk_host_serve(server) : code;
}
