/* Setting up a server object: when that is possible, what of it has failed, and who logs and forks for it. */
#include "setup/setup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int fk_setup_fail(forker_server *server, int code, const char *format, ...)
{
    if (format != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(server->error, sizeof server->error, format, args);
        va_end(args);
    }
    if (server->setup.failures++ == 0) {
        memcpy(server->setup_error, server->error, sizeof server->setup_error);
    }
    server->setup.latest = true;
    return code;
}

const char *forker_server_error(forker_server *server)
{
    return server != NULL ? server->error : NULL;
}

int fk_setup_refuses(forker_server *server)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->lost || server->owner != getpid()) {
        return fk_server_fail(server, FORKER_E_PROCESS,
                              "setup is done in the process that made the server, before run");
    }
    if (server->run.state == FK_SERVER_RUNNING) {
        return fk_server_fail(server, FORKER_E_STATE, "setup is done before run, the server is running");
    }
    return FORKER_OK;
}

int forker_server_clear_error(forker_server *server)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    server->error[0] = '\0';
    server->setup.failures -= server->setup.latest;
    server->setup.latest = false;
    return FORKER_OK;
}

int forker_server_set_fork(forker_server *server, forker_fork_fn fork_fn, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        server->hooks.fork_fn = fork_fn;
        server->hooks.fork_user = user;
    }
    return refused;
}

int forker_server_set_log(forker_server *server, forker_log_fn log_fn, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        server->hooks.log_fn = log_fn;
        server->hooks.log_user = user;
    }
    return refused;
}

int forker_server_set_access_log(forker_server *server, forker_access_log_fn access_fn, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        server->hooks.access_fn = access_fn;
        server->hooks.access_user = user;
    }
    return refused;
}
