/* Serving while the program goes on: forker_server_start(). */
#ifndef FORKER_BACKGROUND_H
#define FORKER_BACKGROUND_H

#include "base/server.h"

/*
 * Stops what was started, and waits for its end. false: the server is running still, in another call or in a handler
 * that does not return.
 */
bool fk_background_end(forker_server *server);

#endif
