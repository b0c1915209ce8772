/* The servers of this process. */
#include "base/servers.h"

#include "base/process.h"

static forker_server *servers; /* guarded by the process's lock */

void fk_servers_add(forker_server *server)
{
    fk_process_lock();
    server->next = servers;
    servers = server;
    fk_process_unlock();
}

void fk_servers_remove(const forker_server *server)
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
