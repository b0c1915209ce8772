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

enum { FK_CSRF_TOKEN = 86, FK_CSRF_COOKIE = 87 };

/* What a page needs so that its requests are known to be this server's, with NULs behind both. */
typedef struct {
    char token[FK_CSRF_TOKEN + 2];
    char cookie[FK_CSRF_COOKIE + 1];
} fk_csrf;

/*
 * Writes a token for the secret that the cookie of that name has, whose value is `len` bytes. true: it has none of this server's
 * making, so there is a new one, for which the cookie is written too.
 */
bool fk_engine_token(forker_server *server, const char *name, const char *cookie, size_t len, fk_csrf *out);

/* What is wrong with a token for that cookie: FORKER_OK: nothing; FORKER_E_STATE: the cookie is not of this server; FORKER_E_INVALID: the token is not that of the cookie. */
int fk_engine_token_fits(forker_server *server, const char *name, const char *cookie, size_t len, const char *token,
                         size_t token_len);

#endif
