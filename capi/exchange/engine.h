/* What C asks of the engine while the loop stands still in a handler. On the loop's thread, inside of that handler. */
#ifndef FORKER_ENGINE_H
#define FORKER_ENGINE_H

#include "exchange/exchange.h"

/*
 * Sends an interim response with one field. Returns FORKER_OK, FORKER_E_AGAIN (the client does not take what was sent
 * before), FORKER_E_ABORTED (the client has left).
 */
int fk_engine_interim(forker_request *req, int status, const fk_block *line);

/*
 * Gives a duplicate of the connection's descriptor, with everything sent that was to be. Returns FORKER_OK,
 * FORKER_E_AGAIN and FORKER_E_ABORTED likewise, FORKER_E_SYSTEM.
 */
int fk_engine_hijack(forker_request *req, int *fd_out);

/* Brings req->cancelled up to date. */
void fk_engine_look(forker_request *req);

#endif
