/* The checks before a server begins to serve, and its claim on the process. */
#include "run/preflight.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "log/log.h"
#include "run/threads.h"
#include "setup/certificate.h"
#include "setup/option.h"

/* The options of what only a forked process can have must be as they are by default. */
static int check_forkless(forker_server *server)
{
    static const int forked[] = {FK_OPTION_USER,
                                 FK_OPTION_GROUP,
                                 FK_OPTION_CHROOT,
                                 FK_OPTION_RLIMIT_NOFILE,
                                 FK_OPTION_RLIMIT_CORE,
                                 FK_OPTION_OOM_SCORE_ADJ,
                                 FK_OPTION_CPU_AFFINITY,
                                 FK_OPTION_HANG_TIMEOUT,
                                 FK_OPTION_MAX_REQUESTS,
                                 FK_OPTION_MAX_AGE,
                                 FK_OPTION_WORKER_MEMORY_SOFT,
                                 FK_OPTION_WORKER_MEMORY_HARD,
                                 FK_OPTION_RESTART_LIMIT};
    for (size_t i = 0; i < sizeof forked / sizeof *forked; i++) {
        const forker_option *option = forker_option_at((size_t)forked[i]);
        const char *name = forker_option_name(option);
        if (strcmp(forker_server_get(server, name), forker_option_default(option)) != 0) {
            return fk_server_fail(server, FORKER_E_OPTION, "%s: option %s needs worker processes, and workers is 0",
                                  server->run.verb, name);
        }
    }
    return FORKER_OK;
}

static int check_process(forker_server *server, const char *verb)
{
    bool own = server->owner == getpid() && !server->lost && !fk_process.go_lost;
    if (own && (server->run.state == FK_SERVER_RUNNING || fk_process.role == FK_ROLE_SPAWNER)) {
        return fk_server_fail(server, FORKER_E_STATE, "%s: %s", verb,
                              server->run.state == FK_SERVER_RUNNING
                                  ? "already running"
                                  : "another server forks its workers from this process, which may do nothing else");
    }
    if (!own || fk_process.role != FK_ROLE_HOST) {
        return fk_server_fail(server, FORKER_E_PROCESS, "%s: only the process that made the server can run it", verb);
    }
    if (fk_process.go_running && fk_server_option(server, FK_OPTION_WORKERS) != 0) {
        return fk_server_fail(server, FORKER_E_PROCESS,
                              "%s: the Go runtime runs in this process (workers=0 was used), so it can fork no workers",
                              verb);
    }
    return FORKER_OK;
}

/* gRPC is spoken by HTTP/2 only. */
static int check_grpc(forker_server *server)
{
    bool spoken = fk_server_option(server, FK_OPTION_H2C) != 0 || fk_server_option(server, FK_OPTION_HTTP2) != 0;
    for (uint32_t i = 0; !spoken && i < server->routing.route_count; i++) {
        if (server->routing.routes[i].grpc != 0) {
            return fk_server_fail(server, FORKER_E_OPTION,
                                  "%s: there are gRPC methods, which need option h2c, or option http2 and an address "
                                  "with tls=on",
                                  server->run.verb);
        }
    }
    return FORKER_OK;
}

static int check_setup(forker_server *server)
{
    if (server->setup.failures > 0) {
        return fk_server_fail(server, FORKER_E_SETUP, "%s: a setup call failed before: %s", server->run.verb,
                              server->setup_error);
    }
    if (server->routing.route_count == 0 || (server->listener_count == 0 && !server->run.portless)) {
        return fk_server_fail(server, FORKER_E_STATE, "%s: %s", server->run.verb,
                              server->routing.route_count == 0
                                  ? "no route; call forker_server_handle first"
                                  : "no listening socket; call forker_server_listen first");
    }
    return check_grpc(server);
}

/* Takes the process for the server, if it is free for it. */
static int claim(forker_server *server, const char *verb, bool spawns)
{
    fk_process_lock();
    int code = check_process(server, verb);
    if (code == FORKER_OK) {
        server->run.state = FK_SERVER_RUNNING;
        server->run.verb = verb;
        server->split = false;
        (void)pthread_sigmask(SIG_SETMASK, NULL, &server->run.mask);
        fk_process.role = spawns ? FK_ROLE_SPAWNER : FK_ROLE_HOST;
    }
    fk_process_unlock();
    return code;
}

int fk_preflight(forker_server *server, const char *verb, bool spawns)
{
    int code = claim(server, verb, spawns);
    if (code != FORKER_OK) {
        return code;
    }
    fk_options_warn_of_variables(server);
    code = check_setup(server);
    if (code == FORKER_OK) {
        code = fk_certificates_check(server);
    }
    if (code == FORKER_OK) {
        code = fk_server_option(server, FK_OPTION_WORKERS) != 0 ? fk_threads_check(server) : check_forkless(server);
    }
    if (code != FORKER_OK) {
        fk_preflight_undo(server, spawns);
    }
    return code;
}

void fk_preflight_undo(forker_server *server, bool spawns)
{
    if (spawns) {
        fk_process.role = FK_ROLE_HOST;
    }
    server->run.early_stop_ms = FK_NO_STOP; /* it was for the run that ends now */
    server->run.state = FK_SERVER_SETUP;
}
