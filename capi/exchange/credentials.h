/* What a request shows in a field of who it is from (RFC 9110 section 11.4), and of several such fields nothing. */
#ifndef FORKER_CREDENTIALS_H
#define FORKER_CREDENTIALS_H

#include "exchange/exchange.h"

/*
 * Gives the value of the only field of that name, without the scheme and the blanks behind it; scheme NULL: there is none. It is as
 * the client has sent it, without a NUL behind. NULL: there is none, it has another scheme, or there are several, of which whoever
 * comes after us could take another one.
 */
const char *fk_credentials_find(const forker_request *req, const char *name, const char *scheme, size_t *len_out);

#endif
