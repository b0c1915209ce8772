/* The slots for values of requests, which the program makes before run. */
#include "exchange/value.h"
#include "setup/setup.h"

int forker_server_slot(forker_server *server, forker_release_fn destroy)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (server->routing.value_slots == FK_VALUES_MAX) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "slot: there are %d already, which is the most", FK_VALUES_MAX);
    }
    server->routing.value_destroy[server->routing.value_slots] = destroy;
    return (int)server->routing.value_slots++;
}
