/* The life of server objects: their making, their end, and what becomes of them in a process that is forked off. */

#include <stdlib.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/process.h"
#include "base/servers.h"
#include "base/shared.h"
#include "exchange/deferred.h"
#include "exchange/descriptors.h"
#include "exchange/health.h"
#include "log/logfile.h"
#include "run/atfork.h"
#include "run/background.h"
#include "setup/admin.h"
#include "setup/certificate.h"
#include "setup/gateoption.h"
#include "setup/group.h"
#include "setup/keylog.h"
#include "setup/listener.h"
#include "setup/option.h"
#include "setup/pidfile.h"
#include "setup/rewrite.h"
#include "setup/route.h"
#include "setup/secretfile.h"
#include "setup/ticket.h"
#include "supervisor/report.h"

forker_server *forker_server_new(void)
{
    forker_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    server->owner = getpid();
    server->run.early_stop_ms = FK_NO_STOP;
    server->tree.wake_fd = server->queue.fd = server->posts.fd = server->timers.fd = server->tree.shared_fd =
        server->tls.tickets_fd = -1;
    server->logs.fds[FK_LOGFILE_ERROR] = server->logs.fds[FK_LOGFILE_ACCESS] = server->logs.keylog_fd = -1;
    server->logs.journal = fk_logfile_is_journal(STDERR_FILENO);
    server->logs.limit.timer = server->logs.stderr_aside = -1;
    server->run.background = (fk_background){.pidfd = -1, .report = -1, .reporter = -1};
    server->tree.pidfile = (fk_pidfile){-1, -1};
    fk_options_init(server);
    (void)pthread_mutex_init(&server->posts.lock, NULL);
    (void)pthread_mutex_init(&server->timers.lock, NULL);
    fk_atfork_watch();
    fk_servers_add(server);
    return server;
}

void forker_server_free(forker_server *server)
{
    if (server == NULL || server->lost || server->owner != getpid() || !fk_background_end(server)) {
        return;
    }
    fk_servers_remove(server);
    fk_deferred_void(server);
    if (server->split) {
        fk_listeners_forget(server);
    }
    fk_listeners_close(server);
    fk_routes_free(server);
    fk_rewrites_free(server);
    fk_groups_free(server);
    fk_health_free(server);
    fk_descriptors_free(server);
    fk_shared_unmap(server);
    if (server->tree.wake_fd >= 0) {
        (void)close(server->tree.wake_fd);
    }
    if (server->logs.limit.timer >= 0) {
        (void)close(server->logs.limit.timer);
    }
    fk_certificates_free(server->tls.certificates);
    fk_tickets_close(server);
    fk_secretfiles_free(server->secretfiles);
    fk_gate_rates_close(server);
    free(server->run.directory);
    free(server->logs.early);
    free(server->config.path);
    free(server->config.base);
    free(server);
}
