/* Asking a server to stop. */
#include "supervisor/stop.h"

#include "base/process.h"
#include "supervisor/asker.h"

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
void fk_stop_take_early(forker_server *server)
{
    int32_t early_ms = __atomic_exchange_n(&server->run.early_stop_ms, FK_NO_STOP, __ATOMIC_SEQ_CST);
    if (early_ms != FK_NO_STOP) {
        server->tree.orders->askers[FK_ASK_STOP] = server->run.early_asker;
        shorten(&server->tree.shared->stop_timeout_ms, early_ms);
        fk_server_wake(server);
    }
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

int fk_stop(forker_server *server, int32_t timeout_ms)
{
    int64_t wanted = timeout_ms >= 0 ? timeout_ms : fk_server_option(server, FK_OPTION_DRAIN_TIMEOUT) / 1000000;
    wanted = wanted < FK_NO_STOP ? wanted : FK_NO_STOP - 1;
    if (fk_process.role == FK_ROLE_WORKER && fk_process.server == server) {
        ask_stop(server, (uint32_t)wanted);
        return FORKER_OK;
    }
    shorten(&server->run.early_stop_ms, (int32_t)wanted);
    fk_shared *shared = server->tree.shared;
    if (shared != NULL) {
        __atomic_store_n(&server->run.early_stop_ms, FK_NO_STOP, __ATOMIC_SEQ_CST);
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
    return fk_stop(server, timeout_ms);
}
