/* Lines that are logged before the error log is open. */
#include "log/logearly.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 32 * 1024 /* bytes that are kept: the first ones, which say what all others come from */ };

/* One thread at a time; of several that log at once before run, the lines of one are kept. */
static bool busy;

static bool begin(void)
{
    return !__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE);
}

static void end(void)
{
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

void fk_logearly_keep(forker_server *server, const char *line, size_t len)
{
    if (server->tree.shared != NULL || server->logs.fds[FK_LOGFILE_ERROR] >= 0 || server->logs.early_len + len > MOST ||
        !begin()) {
        return;
    }
    if (server->logs.early == NULL) {
        server->logs.early = malloc(MOST);
    }
    if (server->logs.early != NULL && server->logs.early_len + len <= MOST) {
        memcpy(server->logs.early + server->logs.early_len, line, len);
        server->logs.early_len += len;
    }
    end();
}

void fk_logearly_flush(forker_server *server, fk_sink sink)
{
    if (server->logs.fds[FK_LOGFILE_ERROR] >= 0 && server->logs.early != NULL) {
        (void)fk_sink_write(sink, server->logs.early, server->logs.early_len);
    }
    free(server->logs.early);
    server->logs.early = NULL;
    server->logs.early_len = 0;
}
