/* How clients are asked who they are (RFC 9110 section 11.6.1), by functions that a group has for that. */
#ifndef FORKER_CHALLENGE_H
#define FORKER_CHALLENGE_H

#include "exchange/exchange.h"

/* Adds a challenge to the response that follows: the scheme, option auth_realm, and what comes behind it. Returns FORKER_OK or FORKER_E_MEMORY. */
int fk_challenge_add(forker_request *req, const char *scheme, const char *more);

/* Whether the program has refused what it was asked about: it has returned FORKER_OK, and no response. */
bool fk_challenge_is_due(const forker_request *req, int result);

#endif
