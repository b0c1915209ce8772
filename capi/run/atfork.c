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
#include "run/atfork.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"
#include "base/inventory.h"
#include "base/process.h"
#include "base/server.h"
#include "base/servers.h"
#include "base/shared.h"
#include "exchange/health.h"
#include "log/logfile.h"
#include "setup/admin.h"
#include "setup/keylog.h"
#include "setup/listener.h"
#include "setup/pidfile.h"
#include "setup/ticket.h"
#include "supervisor/report.h"
#include "supervisor/spawner.h"

/* The process was forked by the program: a server that does not run may be run by parent or child now. */
static void split(forker_server *server)
{
    server->split = server->split || server->run.state == FK_SERVER_SETUP;
}

/*
 * In the child of such a fork: of a server that runs, closes all descriptors, and has calls return FORKER_E_PROCESS
 * from now on. One that does not run becomes the child's own, if it can run there.
 */
static void leave(forker_server *server)
{
    fk_descriptor_close((int *)&server->tree.wake_fd);
    fk_descriptor_close(&server->logs.limit.timer);
    fk_shared_forget_orders(server);
    if (server->run.state == FK_SERVER_SETUP && !server->lost && !fk_process.go_lost) {
        server->owner = getpid();
        server->split = true;
        return;
    }
    server->lost = true;
    fk_descriptor_close(&server->queue.fd);
    fk_descriptor_close(&server->posts.fd);
    fk_descriptor_close(&server->timers.fd);
    fk_tickets_forget(server);
    fk_health_forget(server);
    fk_listeners_forget(server);
    fk_admin_forget(server);
    fk_logfile_close(server);
    fk_keylog_close(server);
    fk_pidfile_forget(server);
    fk_report_forget(server);
}

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
        fk_servers_visit(split);
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
    fk_servers_visit(leave);
    fk_disposition_give_back_all();
    if (fk_thread.mask != NULL) {
        (void)pthread_sigmask(SIG_SETMASK, fk_thread.mask, NULL);
    }
}

static void watch(void)
{
    (void)pthread_atfork(prepare, in_parent, in_child);
}

void fk_atfork_watch(void)
{
    static pthread_once_t watching = PTHREAD_ONCE_INIT;
    (void)pthread_once(&watching, watch);
}
