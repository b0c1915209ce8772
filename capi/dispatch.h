/* The one crossing per request: from the engine to the program's handler. */
#ifndef FORKER_DISPATCH_H
#define FORKER_DISPATCH_H

#include "exchange.h"
#include "server.h"

/* Calls the handler of req->route and returns what it returned. Main thread of a worker. */
int fk_dispatch(forker_request *req);

/* Releases what the response functions allocated beyond what is worth keeping for the next request. */
void fk_dispatch_trim(forker_request *req);

/* Calls a hook of the program, if there is one. */
int fk_dispatch_hook(forker_server *server, const fk_hook *hook);

#endif
