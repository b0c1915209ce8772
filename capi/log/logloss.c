/* Lines that could not be written. */
#include "log/logloss.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log/loglimit.h"

/* A reader that has left does not come back, and what is closed stays so: only a later line looks again. */
static bool may_end_by_itself(int reason)
{
    return reason != EPIPE && reason != ENXIO && reason != EBADF;
}

void fk_logloss_count(forker_server *server, int which, uint32_t lines, int reason)
{
    fk_logloss *loss = &server->logs.losses[which];
    (void)__atomic_add_fetch(&loss->lines, lines, __ATOMIC_RELAXED);
    __atomic_store_n(&loss->reason, reason, __ATOMIC_RELAXED);
    if (may_end_by_itself(reason)) {
        fk_loglimit_arm(server);
    }
}

bool fk_logloss_take(forker_server *server, int which, fk_logloss *loss_out)
{
    fk_logloss *loss = &server->logs.losses[which];
    if (__atomic_load_n(&loss->lines, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    loss_out->lines = __atomic_exchange_n(&loss->lines, 0, __ATOMIC_RELAXED);
    loss_out->reason = __atomic_load_n(&loss->reason, __ATOMIC_RELAXED);
    return loss_out->lines > 0;
}

static const char *words_for(int reason)
{
    switch (reason) {
    case FK_LOGLOSS_LATE:
        return "they come faster than they can be written";
    case EAGAIN:
        return "whoever reads them does not keep up, or has stopped";
    case EPIPE:
    case ENXIO:
        return "nobody reads them any more";
    default:
        return strerror(reason);
    }
}

void fk_logloss_describe(const fk_logloss *loss, int which, char *text, size_t size)
{
    (void)snprintf(text, size, "%s: %u %s lost: %s", which == FK_LOGFILE_ACCESS ? "access log" : "log", loss->lines,
                   loss->lines == 1 ? "line was" : "lines were", words_for(loss->reason));
}

void fk_logloss_forget(forker_server *server)
{
    memset(server->logs.losses, 0, sizeof server->logs.losses);
}
