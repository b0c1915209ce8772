/* The life of server objects: their making, their end, and what becomes of them in a process that is forked off. */
#include "life.h"

#include <stdlib.h>
#include <unistd.h>

#include "admin.h"
#include "background.h"
#include "certificate.h"
#include "deferred.h"
#include "descriptor.h"
#include "fork.h"
#include "keylog.h"
#include "listener.h"
#include "logfile.h"
#include "pidfile.h"
#include "process.h"
#include "report.h"
#include "shared.h"
#include "ticket.h"

static forker_server *servers; /* guarded by the process's lock */

forker_server *forker_server_new(void)
{
    forker_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->owner = getpid();
    server->early_stop_ms = FK_NO_STOP;
    server->wake_fd = server->queue.fd = server->posts.fd = server->shared_fd = server->tickets_fd = -1;
    server->log_fds[FK_LOGFILE_ERROR] = server->log_fds[FK_LOGFILE_ACCESS] = server->keylog_fd = -1;
    server->journal = fk_logfile_is_journal(STDERR_FILENO);
    server->loglimit.timer = server->stderr_aside = -1;
    server->background = (fk_background){.pidfd = -1, .report = -1, .reporter = -1};
    server->pidfile = (fk_pidfile){-1, -1};
    fk_server_init_options(server);
    (void)pthread_mutex_init(&server->posts.lock, NULL);
    fk_fork_watch();
    fk_process_lock();
    server->next = servers;
    servers = server;
    fk_process_unlock();
    return server;
}

static void leave_list(const forker_server *server)
{
    fk_process_lock();
    forker_server **link = &servers;
    while (*link != server) {
        link = &(*link)->next;
    }
    *link = server->next;
    fk_process_unlock();
}

/* Without the lock: in a forked process there is one thread, and the list is whole at any moment. */
void fk_servers_visit(void (*visit)(forker_server *server))
{
    for (forker_server *server = servers; server != NULL; server = server->next) {
        visit(server);
    }
}

void fk_server_split(forker_server *server)
{
    server->split = server->split || server->state == FK_SERVER_SETUP;
}

void fk_server_leave(forker_server *server)
{
    fk_descriptor_close((int *)&server->wake_fd);
    fk_descriptor_close(&server->loglimit.timer);
    fk_shared_forget_orders(server);
    if (server->state == FK_SERVER_SETUP && !server->lost && !fk_process.go_lost) {
        server->owner = getpid();
        server->split = true;
        return;
    }
    server->lost = true;
    fk_descriptor_close(&server->queue.fd);
    fk_descriptor_close(&server->posts.fd);
    fk_tickets_forget(server);
    fk_listeners_forget(server);
    fk_admin_forget(server);
    fk_logfile_close(server);
    fk_keylog_close(server);
    fk_pidfile_forget(server);
    fk_report_forget(server);
}

void forker_server_free(forker_server *server)
{
    if (server == NULL || server->lost || server->owner != getpid() || !fk_background_end(server)) {
        return;
    }
    leave_list(server);
    fk_deferred_void(server);
    if (server->split) {
        fk_listeners_forget(server);
    }
    fk_listeners_close(server);
    fk_server_free_routes(server);
    fk_shared_unmap(server);
    if (server->wake_fd >= 0) {
        (void)close(server->wake_fd);
    }
    if (server->loglimit.timer >= 0) {
        (void)close(server->loglimit.timer);
    }
    fk_certificates_free(server->certificates);
    fk_tickets_close(server);
    free(server->directory);
    free(server->early);
    free(server->config_path);
    free(server->config_base);
    free(server);
}
