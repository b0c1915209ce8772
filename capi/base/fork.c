/* Forks of the library's own. */
#include "base/fork.h"

#include <unistd.h>

#include "base/process.h"

pid_t fk_fork_own(forker_fork_fn fork_fn, void *user)
{
    fk_thread.forks = true;
    pid_t pid = fork_fn != NULL ? fork_fn(user) : fork();
    fk_thread.forks = false;
    return pid;
}
