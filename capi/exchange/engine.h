/*
 * What C asks of Go. What is about a request: while the loop stands still in its handler, on its thread. The rest: any thread of a
 * process in which Go runs.
 */
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

enum { FK_SIGNATURE = 43 };

/* Writes the signature of a text, by the first of the server's keys: FK_SIGNATURE characters that may stand in a cookie. */
int fk_engine_sign(forker_server *server, const char *text, size_t len, char *signature_out);

/* Whether this is the signature of a text by one of the server's keys. */
bool fk_engine_verify(forker_server *server, const char *text, size_t len, const char *signature);

#endif
