/* The server object: its life, its errors, its hooks. */
#include "server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "background.h"
#include "deferred.h"
#include "listener.h"
#include "logfile.h"
#include "process.h"

forker_server *forker_server_new(void)
{
    forker_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->maker = getpid();
    server->wake_fd = -1;
    server->log_fds[FK_LOGFILE_ERROR] = server->log_fds[FK_LOGFILE_ACCESS] = -1;
    server->journal = fk_logfile_is_journal(STDERR_FILENO);
    server->loglimit.timer = -1;
    server->background = (fk_background){.pidfd = -1, .report = -1, .reporter = -1};
    server->pidfile = (fk_pidfile){-1, -1};
    fk_server_init_options(server);
    return server;
}

void forker_server_free(forker_server *server)
{
    if (server == NULL || server->maker != getpid() || !fk_background_end(server)) {
        return;
    }
    fk_deferred_void(server);
    fk_listeners_close(server);
    fk_server_free_routes(server);
    if (server->figures != NULL) {
        (void)munmap(server->figures, server->shared_size);
    }
    if (server->wake_fd >= 0) {
        (void)close(server->wake_fd);
    }
    if (server->loglimit.timer >= 0) {
        (void)close(server->loglimit.timer);
    }
    free(server->config_path);
    free(server->config_base);
    free(server);
}

int fk_server_fail(forker_server *server, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(server->error, sizeof server->error, format, args);
    va_end(args);
    return code;
}

int fk_server_fail_setup(forker_server *server, int code, const char *format, ...)
{
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(server->error, sizeof server->error, format, args);
        va_end(args);
    }
    if (server->setup_code == FORKER_OK) {
        server->setup_code = code;
        memcpy(server->setup_error, server->error, sizeof server->setup_error);
    }
    return code;
}

const char *forker_server_error(forker_server *server)
{
    return server != NULL ? server->error : NULL;
}

int fk_server_refuses_setup(forker_server *server)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->maker != getpid()) {
        return fk_server_fail(server, FORKER_E_PROCESS,
                              "setup is done in the process that made the server, before run");
    }
    if (server->state == FK_SERVER_RUNNING) {
        return fk_server_fail(server, FORKER_E_STATE, "setup is done before run, the server is running");
    }
    return FORKER_OK;
}

int forker_server_set_fork(forker_server *server, forker_fork_fn fork_fn, void *user)
{
    int refused = fk_server_refuses_setup(server);
    if (refused == FORKER_OK) {
        server->fork_fn = fork_fn;
        server->fork_user = user;
    }
    return refused;
}

int forker_server_set_log(forker_server *server, forker_log_fn log_fn, void *user)
{
    int refused = fk_server_refuses_setup(server);
    if (refused == FORKER_OK) {
        server->log_fn = log_fn;
        server->log_user = user;
    }
    return refused;
}

int forker_server_set_access_log(forker_server *server, forker_access_log_fn access_fn, void *user)
{
    int refused = fk_server_refuses_setup(server);
    if (refused == FORKER_OK) {
        server->access_fn = access_fn;
        server->access_user = user;
    }
    return refused;
}
