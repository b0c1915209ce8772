/*
 * Actions: reload, scale, drain, reopen, upgrade; and the stop that a worker asks for.
 *
 * Whoever asks leaves a word in memory and wakes the spawner, which is all that a signal handler may do. Processes with
 * the spawner's privileges share a page with it (fk_orders); a worker has its slot, so that the spawner knows whose word
 * it is and no worker can speak for another process. The spawner brings the header up to date and tells the master. What
 * is wanted stays in the header, so that a new master finds it there.
 */
#include "supervisor/action.h"

#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "log/log.h"
#include "setup/certificate.h"
#include "setup/config.h"
#include "setup/reopen.h"
#include "setup/secretfile.h"
#include "setup/ticket.h"
#include "supervisor/asker.h"
#include "supervisor/control.h"
#include "supervisor/inspection.h"
#include "supervisor/stop.h"
#include "supervisor/telling.h"
#include "supervisor/upgrade.h"

enum {
    SCALE_MOST = 1024,
    /* These have the spawner run or open what the user that workers have become could have put there. */
    PRIVILEGED = FK_ACTION_RELOAD | FK_ACTION_REOPEN | FK_ACTION_UPGRADE
};

/* Whether workers have less privileges than the spawner, and are not to use it to get around that. */
static bool is_refused(const forker_server *server, uint32_t action)
{
    return (action & PRIVILEGED) != 0 && server->tree.identity.groups != NULL &&
           fk_server_option(server, FK_OPTION_WORKER_COMMANDS) == 0;
}

/* Async-signal-safe. With workers=0 there is nothing that most actions could be done to. */
static int ask(forker_server *server, uint32_t action, int what, int32_t scale)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (server->lost) {
        return FORKER_E_PROCESS;
    }
    fk_shared *shared = server->tree.shared;
    if (shared == NULL || (server->tree.slots == 1 && action != FK_ACTION_REOPEN)) {
        return FORKER_E_STATE;
    }
    if (fk_process.role == FK_ROLE_WORKER && fk_process.server != server) {
        return FORKER_E_PROCESS; /* that of another tree, which this process was forked beside */
    }
    if (fk_process.role != FK_ROLE_WORKER) {
        fk_asker_note(server, what);
        (void)__atomic_fetch_add(&shared->scale, scale, __ATOMIC_ACQ_REL);
        (void)__atomic_fetch_or(&server->tree.orders->actions, action, __ATOMIC_ACQ_REL);
    } else if (is_refused(server, action)) {
        return FORKER_E_PRIVILEGE;
    } else {
        fk_slot *slot = fk_server_slot(server, (uint32_t)fk_process.worker);
        (void)__atomic_fetch_add(&slot->asked_scale, scale, __ATOMIC_ACQ_REL);
        (void)__atomic_fetch_or(&slot->asked, action, __ATOMIC_ACQ_REL);
    }
    fk_server_wake(server);
    return FORKER_OK;
}

int forker_server_reload(forker_server *server)
{
    return ask(server, FK_ACTION_RELOAD, FK_ASK_RELOAD, 0);
}

int forker_server_scale(forker_server *server, int32_t change)
{
    if (server == NULL || change < -SCALE_MOST || change > SCALE_MOST) {
        return FORKER_E_INVALID;
    }
    return ask(server, FK_ACTION_SCALE, FK_ASK_SCALE, change);
}

int forker_server_drain(forker_server *server)
{
    return ask(server, FK_ACTION_DRAIN, FK_ASK_DRAIN, 0);
}

int forker_server_reopen(forker_server *server)
{
    return ask(server, FK_ACTION_REOPEN, FK_ASK_REOPEN, 0);
}

int forker_server_upgrade(forker_server *server)
{
    return ask(server, FK_ACTION_UPGRADE, FK_ASK_UPGRADE, 0);
}

uint32_t fk_action_take(forker_server *server)
{
    return __atomic_exchange_n(&server->tree.orders->actions, 0, __ATOMIC_ACQ_REL);
}

static int32_t clamp_scale(int32_t change)
{
    return change < -SCALE_MOST ? -SCALE_MOST : change > SCALE_MOST ? SCALE_MOST : change;
}

/* forker_server_*() refuse the same by themselves: a worker that comes here with it went around them. */
static void refuse(fk_spawner *spawner, uint32_t index)
{
    fk_log(spawner->server, FORKER_LOG_ERROR,
           "worker %u (pid %d) has asked for what only the user that started the server may (reload, reopen or "
           "upgrade): refused, see option worker_commands",
           index, (int)spawner->workers[index].pid);
}

static void note_worker(const fk_spawner *spawner, uint32_t index, uint32_t asked)
{
    static const struct {
        uint32_t action;
        int what;
    } asks[FK_ASKS] = {{FK_ACTION_STOP, FK_ASK_STOP},     {FK_ACTION_RELOAD, FK_ASK_RELOAD},
                       {FK_ACTION_SCALE, FK_ASK_SCALE},   {FK_ACTION_DRAIN, FK_ASK_DRAIN},
                       {FK_ACTION_REOPEN, FK_ASK_REOPEN}, {FK_ACTION_UPGRADE, FK_ASK_UPGRADE}};
    fk_asker_begin_worker(index, spawner->workers[index].pid);
    for (int i = 0; i < FK_ASKS; i++) {
        if ((asked & asks[i].action) != 0) {
            fk_asker_note(spawner->server, asks[i].what);
        }
    }
    fk_asker_end();
}

void fk_action_hear(fk_spawner *spawner, uint32_t index)
{
    forker_server *server = spawner->server;
    fk_slot *slot = fk_server_slot(server, index);
    if (fk_load(&slot->asked) == 0) {
        return;
    }
    uint32_t asked = __atomic_exchange_n(&slot->asked, 0, __ATOMIC_ACQ_REL);
    int32_t scale = clamp_scale(__atomic_exchange_n(&slot->asked_scale, 0, __ATOMIC_ACQ_REL));
    uint32_t stop = fk_load(&slot->asked_stop);
    if (is_refused(server, asked)) {
        refuse(spawner, index);
        asked &= ~(uint32_t)PRIVILEGED;
    }
    note_worker(spawner, index, asked);
    if ((asked & FK_ACTION_STOP) != 0) {
        (void)fk_stop(server, stop >= 1 && stop <= INT32_MAX ? (int32_t)(stop - 1) : -1);
    }
    if ((asked & FK_ACTION_SCALE) != 0) {
        (void)__atomic_fetch_add(&server->tree.shared->scale, scale, __ATOMIC_ACQ_REL);
    }
    (void)__atomic_fetch_or(&server->tree.orders->actions, asked & ~(uint32_t)FK_ACTION_STOP, __ATOMIC_ACQ_REL);
}

/* The options' numbers, for a master that was forked before they changed. */
static void tell_options(fk_spawner *spawner)
{
    int64_t numbers[FK_OPTION_COUNT];
    _Static_assert(sizeof numbers + sizeof(fk_msg) <= FK_CONTROL_MAX, "the options fit into one message");
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        numbers[id] = fk_server_option(spawner->server, id);
    }
    fk_tell(spawner, FK_MSG_RELOAD, numbers, sizeof numbers);
}

/*
 * Reads again what the program does not read by itself. false with a sentence: nothing has changed. So the hook on_reload, which
 * comes with the options, is asked last: what it has changed cannot be taken back.
 */
static bool read_again(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    fk_certificates *before;
    fk_secretfile *secrets;
    fk_ticket_file keys = {.count = 0};
    if (!fk_certificates_renew(server, &before)) {
        return false;
    }
    if (!fk_secretfiles_renew(server, &secrets)) {
        fk_certificates_restore(server, before);
        return false;
    }
    if (fk_inspection_run(spawner) != FORKER_OK || !fk_tickets_load(server, &keys) || !fk_config_reload(server)) {
        explicit_bzero(&keys, sizeof keys);
        fk_certificates_restore(server, before);
        fk_secretfiles_restore(server, secrets);
        return false;
    }
    if (before != server->tls.certificates) {
        fk_certificates_free(before);
    }
    fk_secretfiles_free(secrets);
    fk_tickets_take(server, &keys);
    fk_certificates_publish(server);
    return true;
}

/* Says what is being done, and who wants it. */
static void tell(forker_server *server, const char *deed, int what)
{
    char text[FK_ASKER_TEXT];
    fk_asker_describe(server, what, text);
    fk_log(server, FORKER_LOG_INFO, "%s: %s", deed, text);
}

void fk_action_reopen(forker_server *server)
{
    fk_reopen(server);
    tell(server, "log files are opened anew", FK_ASK_REOPEN);
}

static void reload(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    tell(server, "reload", FK_ASK_RELOAD);
    fk_notify_reloading(spawner);
    if (!read_again(spawner)) {
        fk_log(server, FORKER_LOG_ERROR, "reload refused: %s; the workers go on as they are", server->error);
        fk_notify_reloaded(spawner);
        return;
    }
    server->tree.shared->held = 0;
    __atomic_add_fetch(&server->tree.shared->epoch, 1, __ATOMIC_ACQ_REL);
    tell_options(spawner);
}

static void hold(fk_spawner *spawner, bool held)
{
    spawner->server->tree.shared->held = held;
    fk_tell(spawner, FK_MSG_DESIRED, NULL, 0);
}

static void tell_logs(fk_spawner *spawner)
{
    for (int which = 0; which < FK_LOGFILES; which++) {
        if (spawner->server->logs.fds[which] >= 0) {
            fk_tell_number(spawner, FK_MSG_NEW_LOG, which, spawner->server->logs.fds[which]);
        }
    }
}

static void reopen(fk_spawner *spawner)
{
    spawner->server->tree.shared->reopens++;
    fk_action_reopen(spawner->server);
    tell_logs(spawner);
    fk_tell(spawner, FK_MSG_REOPEN_ALL, NULL, 0);
}

void fk_action_brief(fk_spawner *spawner)
{
    tell_options(spawner);
    tell_logs(spawner);
}

/* Of actions that came together the one that serves comes last. */
void fk_action_obey(fk_spawner *spawner)
{
    uint32_t actions = fk_action_take(spawner->server);
    if ((actions & FK_ACTION_REOPEN) != 0) {
        reopen(spawner);
    }
    if ((actions & FK_ACTION_UPGRADE) != 0) {
        tell(spawner->server, "upgrade", FK_ASK_UPGRADE);
        fk_upgrade_begin(spawner);
    }
    if (spawner->stopping) {
        return;
    }
    if ((actions & FK_ACTION_DRAIN) != 0) {
        tell(spawner->server, "drain", FK_ASK_DRAIN);
        hold(spawner, true);
    }
    if ((actions & FK_ACTION_SCALE) != 0) {
        tell(spawner->server, "scale", FK_ASK_SCALE);
        hold(spawner, false);
    }
    if ((actions & FK_ACTION_RELOAD) != 0) {
        reload(spawner);
    }
}
