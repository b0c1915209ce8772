/*
 * Actions: reload, scale, drain, reopen, upgrade.
 *
 * Whoever asks writes to the shared header and wakes the spawner, which is all that a signal handler may do. The
 * spawner brings the header up to date and tells the master. What is wanted stays in the header, so that a new master
 * finds it there.
 */
#include "action.h"

#include <unistd.h>

#include "config.h"
#include "control.h"
#include "dispatch.h"
#include "log.h"
#include "upgrade.h"

enum { SCALE_MOST = 1024 };

/* Async-signal-safe. With workers=0 there is nothing that most actions could be done to. */
static int ask(forker_server *server, uint32_t action)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->lost) {
        return FORKER_E_PROCESS;
    }
    fk_shared *shared = server->shared;
    if (shared == NULL || (shared->slots == 1 && action != FK_ACTION_REOPEN)) {
        return FORKER_E_STATE;
    }
    (void)__atomic_fetch_or(&shared->actions, action, __ATOMIC_ACQ_REL);
    fk_server_wake(server);
    return FORKER_OK;
}

int forker_server_reload(forker_server *server)
{
    return ask(server, FK_ACTION_RELOAD);
}

int forker_server_scale(forker_server *server, int32_t change)
{
    if (server == NULL || change < -SCALE_MOST || change > SCALE_MOST) {
        return FORKER_E_INVALID;
    }
    fk_shared *shared = server->shared;
    if (shared != NULL && !server->lost) {
        (void)__atomic_fetch_add(&shared->scale, change, __ATOMIC_ACQ_REL);
    }
    return ask(server, FK_ACTION_SCALE);
}

int forker_server_drain(forker_server *server)
{
    return ask(server, FK_ACTION_DRAIN);
}

int forker_server_reopen(forker_server *server)
{
    return ask(server, FK_ACTION_REOPEN);
}

int forker_server_upgrade(forker_server *server)
{
    return ask(server, FK_ACTION_UPGRADE);
}

uint32_t fk_action_take(forker_server *server)
{
    return __atomic_exchange_n(&server->shared->actions, 0, __ATOMIC_ACQ_REL);
}

/* The options' numbers, for a master that was forked before they changed. */
static void tell_options(fk_spawner *spawner)
{
    int64_t numbers[FK_OPTION_COUNT];
    _Static_assert(sizeof numbers + sizeof(fk_msg) <= FK_CONTROL_MAX, "the options fit into one message");
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        numbers[id] = fk_server_option(spawner->server, id);
    }
    fk_spawner_tell(spawner, FK_MSG_RELOAD, numbers, sizeof numbers);
}

static void reload(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    fk_notify_reloading(spawner);
    if (!fk_config_reload(server)) {
        fk_log(server, FORKER_LOG_ERROR, "reload refused: %s; the workers go on as they are", server->error);
        fk_notify_reloaded(spawner);
        return;
    }
    server->shared->held = 0;
    __atomic_add_fetch(&server->shared->epoch, 1, __ATOMIC_ACQ_REL);
    tell_options(spawner);
}

static void hold(fk_spawner *spawner, bool held)
{
    spawner->server->shared->held = held;
    fk_spawner_tell(spawner, FK_MSG_WISH, NULL, 0);
}

static void reopen(fk_spawner *spawner)
{
    spawner->server->shared->reopens++;
    fk_log_reopen(spawner->server);
    for (int which = 0; which < FK_LOGFILES; which++) {
        if (spawner->server->log_fds[which] >= 0) {
            fk_spawner_pass(spawner, FK_MSG_NEW_LOG, which, spawner->server->log_fds[which]);
        }
    }
    fk_spawner_tell(spawner, FK_MSG_REOPEN_ALL, NULL, 0);
}

/* Of actions that came together the one that serves comes last. */
void fk_action_obey(fk_spawner *spawner)
{
    uint32_t actions = fk_action_take(spawner->server);
    if ((actions & FK_ACTION_REOPEN) != 0) {
        reopen(spawner);
    }
    if ((actions & FK_ACTION_UPGRADE) != 0) {
        fk_upgrade_begin(spawner);
    }
    if (spawner->stopping) {
        return;
    }
    if ((actions & FK_ACTION_DRAIN) != 0) {
        hold(spawner, true);
    }
    if ((actions & FK_ACTION_SCALE) != 0) {
        hold(spawner, false);
    }
    if ((actions & FK_ACTION_RELOAD) != 0) {
        reload(spawner);
    }
}
