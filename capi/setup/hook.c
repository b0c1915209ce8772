/* The hooks of the program: their registration, and those that are called in the spawner. */
#include "setup/hook.h"

#include <errno.h>

#include "log/log.h"
#include "setup/callback.h"
#include "setup/setup.h"

#define TICK_NS UINT64_C(1000000000)

static int set_hook(forker_server *server, fk_hook *hook, fk_hook value)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        *hook = value;
    }
    return refused;
}

static int set_server_hook(forker_server *server, fk_server_hook *hook, fk_server_hook value)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        *hook = value;
    }
    return refused;
}

#define WORKER_HOOK(name)                                                                                              \
    int forker_server_on_##name(forker_server *server, forker_hook hook, void *user)                                   \
    {                                                                                                                  \
        return server == NULL ? FORKER_E_INVALID : set_hook(server, &server->hooks.name, (fk_hook){hook, user});       \
    }

WORKER_HOOK(before_fork)
WORKER_HOOK(post_fork)
WORKER_HOOK(worker_init)
WORKER_HOOK(worker_ready)
WORKER_HOOK(worker_loop)
WORKER_HOOK(worker_drain)
WORKER_HOOK(worker_exit)
WORKER_HOOK(thread_start)
WORKER_HOOK(thread_exit)

int forker_server_on_reload(forker_server *server, forker_server_hook hook, void *user)
{
    return server == NULL ? FORKER_E_INVALID
                          : set_server_hook(server, &server->hooks.on_reload, (fk_server_hook){hook, user});
}

int forker_server_on_reopen(forker_server *server, forker_server_hook hook, void *user)
{
    return server == NULL ? FORKER_E_INVALID
                          : set_server_hook(server, &server->hooks.on_reopen, (fk_server_hook){hook, user});
}

int forker_server_on_master_tick(forker_server *server, forker_server_hook hook, void *user)
{
    return server == NULL ? FORKER_E_INVALID
                          : set_server_hook(server, &server->hooks.master_tick, (fk_server_hook){hook, user});
}

int forker_server_on_worker_died(forker_server *server, forker_death_fn death_fn, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        server->hooks.worker_died = death_fn;
        server->hooks.worker_died_user = user;
    }
    return refused;
}

int forker_server_on_error(forker_server *server, forker_error_fn on_error, void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused == FORKER_OK) {
        server->hooks.on_error = on_error;
        server->hooks.on_error_user = user;
    }
    return refused;
}

bool fk_hook_before_fork(forker_server *server, uint32_t index)
{
    const fk_hook *hook = &server->hooks.before_fork;
    int result = hook->call != NULL ? hook->call(server, (int32_t)index, hook->user) : FORKER_OK;
    fk_callback_check(server, "hook");
    errno = ECANCELED;
    return result >= 0;
}

void fk_hook_worker_died(forker_server *server, uint32_t index, pid_t pid, int status, const fk_black_box *box)
{
    fk_line line = {.len = 0};
    if (server->hooks.worker_died == NULL) {
        return;
    }
    if (box->busy != 0) {
        fk_line_request(&line, box);
    }
    server->hooks.worker_died(server, (int32_t)index, pid, status, line.text, server->hooks.worker_died_user);
    fk_callback_check(server, "hook");
}

uint64_t fk_hook_tick(forker_server *server, uint64_t now, uint64_t *due_ns)
{
    const fk_server_hook *hook = &server->hooks.master_tick;
    if (hook->call == NULL) {
        return UINT64_MAX;
    }
    if (now >= *due_ns) {
        *due_ns = now + TICK_NS;
        (void)hook->call(server, hook->user);
        fk_callback_check(server, "hook");
    }
    return *due_ns;
}
