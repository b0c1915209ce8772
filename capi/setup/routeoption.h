/* Options of routes, and of groups of them. */
#ifndef FORKER_ROUTEOPTION_H
#define FORKER_ROUTEOPTION_H

#include "base/server.h"

/* Has every route be as its groups and it itself are set. */
void fk_route_options_apply(forker_server *server);

void fk_settings_free(fk_settings *settings);

#endif
