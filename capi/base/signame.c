/* Signals by name. sigabbrev_np(3) is in glibc 2.32 and later only. */
#include "base/signame.h"

#include <signal.h>
#include <stddef.h>

#define NAME(number) [number] = #number

static const char *const names[] = {
    NAME(SIGHUP),    NAME(SIGINT),  NAME(SIGQUIT),  NAME(SIGILL),  NAME(SIGTRAP), NAME(SIGABRT),
    NAME(SIGBUS),    NAME(SIGFPE),  NAME(SIGKILL),  NAME(SIGUSR1), NAME(SIGSEGV), NAME(SIGUSR2),
    NAME(SIGPIPE),   NAME(SIGALRM), NAME(SIGTERM),  NAME(SIGCHLD), NAME(SIGCONT), NAME(SIGSTOP),
    NAME(SIGTSTP),   NAME(SIGTTIN), NAME(SIGTTOU),  NAME(SIGURG),  NAME(SIGXCPU), NAME(SIGXFSZ),
    NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH), NAME(SIGIO),   NAME(SIGPWR),  NAME(SIGSYS),
};

const char *fk_signame(int number)
{
    const char *name = number > 0 && (size_t)number < sizeof names / sizeof *names ? names[number] : NULL;
    return name != NULL ? name : "a signal without a name";
}
