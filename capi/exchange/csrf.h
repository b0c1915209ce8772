/* Tokens by which the server's own pages are told from those of other sites. */
#ifndef FORKER_CSRF_H
#define FORKER_CSRF_H

#include "exchange/exchange.h"

/*
 * Looks for the token that is due of a request, and clears token_due if it is right. Else returns FORKER_NEXT: it can be in the body,
 * which is still to come; or FORKER_OK: the request is answered; or another code.
 */
int fk_csrf_pass(forker_request *req);

#endif
