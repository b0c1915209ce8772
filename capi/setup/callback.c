/* What is around each call of one of the program's functions. */
#include "setup/callback.h"

#include <unistd.h>

#include "base/process.h"
#include "log/log.h"
#include "log/logfile.h"

enum { EXIT_LOST = 70 /* EX_SOFTWARE of sysexits.h */ };

static _Noreturn void end_stray(forker_server *server, const char *callback)
{
    (void)fk_logfile_open(server); /* what the parent has open is closed here */
    fk_log(server, FORKER_LOG_ERROR, "a process forked inside a %s returned from it; it must exec or _exit", callback);
    _exit(EXIT_LOST);
}

void fk_callback_check(forker_server *server, const char *callback)
{
    if (__builtin_expect(server->lost, 0)) {
        end_stray(server, callback);
    }
}

int fk_callback_hook(forker_server *server, const fk_hook *hook)
{
    if (hook->call == NULL) {
        return FORKER_OK;
    }
    sigset_t blocked;
    fk_thread_enter_program(&blocked);
    int result = hook->call(server, fk_process.worker, hook->user);
    fk_callback_check(server, "hook");
    fk_thread_leave_program(&blocked);
    return result;
}
