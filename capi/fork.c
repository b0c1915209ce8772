/*
 * Forks by the program: in a handler, in a hook, or anywhere in a process that serves or has started a server. The child
 * has a duplicate of every descriptor. It could keep clients and the other processes waiting for an end that never
 * comes, it would steer the server by signals meant for itself, and it can serve nobody. So before fork(2) returns in
 * it, the library has closed what is its own there, and given the program's dispositions of signals back; what calls
 * return in it from then on is FORKER_E_PROCESS. Nothing is written to, as it is the parent's too.
 *
 * A server that does not run is merely a setup, of which the child has a copy: daemon(3) goes on with it. Neither of
 * the two processes knows whether the other one will serve, so both leave the files of unix sockets alone, until they
 * run the server.
 *
 * Programs that are executed need none of this: all descriptors are close-on-exec.
 */
#include "fork.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "disposition.h"
#include "inventory.h"
#include "life.h"
#include "process.h"
#include "server.h"
#include "spawner.h"

static void prepare(void)
{
    if (!fk_thread.forks) {
        fk_inventory_hold();
    }
}

static void in_parent(void)
{
    if (!fk_thread.forks) {
        fk_inventory_release();
        fk_servers_visit(fk_server_split);
    }
}

static void in_child(void)
{
    fk_process_forked();
    if (fk_thread.forks) {
        return;
    }
    fk_inventory_close_all();
    fk_spawner_forget_all();
    fk_servers_visit(fk_server_leave);
    fk_disposition_give_back_all();
    if (fk_thread.mask != NULL) {
        (void)pthread_sigmask(SIG_SETMASK, fk_thread.mask, NULL);
    }
}

static void watch(void)
{
    (void)pthread_atfork(prepare, in_parent, in_child);
}

void fk_fork_watch(void)
{
    static pthread_once_t watching = PTHREAD_ONCE_INIT;
    (void)pthread_once(&watching, watch);
}

pid_t fk_fork_own(forker_fork_fn fork_fn, void *user)
{
    fk_thread.forks = true;
    pid_t pid = fork_fn != NULL ? fork_fn(user) : fork();
    fk_thread.forks = false;
    return pid;
}
