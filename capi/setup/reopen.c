/* Opening the log files anew. */
#include "setup/reopen.h"

#include <errno.h>
#include <string.h>

#include "base/process.h"
#include "log/log.h"
#include "log/logfile.h"
#include "setup/callback.h"

static void reopen_files(forker_server *server)
{
    for (int which = 0; which < FK_LOGFILES; which++) {
        if (server->logs.fds[which] >= 0 && !fk_logfile_reopen(server, which)) {
            fk_log(server, FORKER_LOG_ERROR,
                   "log file %s (option %s) cannot be opened anew: %s; the old one is used further",
                   fk_logfile_name(server, which), fk_logfile_option(which), strerror(errno));
        }
    }
}

void fk_reopen(forker_server *server)
{
    const fk_server_hook *hook = &server->hooks.on_reopen;
    if (fk_process.role == FK_ROLE_SPAWNER || fk_process.role == FK_ROLE_HOST) {
        reopen_files(server);
    }
    if (hook->call == NULL || fk_process.role == FK_ROLE_MASTER) {
        return;
    }
    int code = hook->call(server, hook->user);
    fk_callback_check(server, "hook");
    if (code < 0) {
        fk_log(server, FORKER_LOG_ERROR, "the on_reopen hook failed");
    }
}
