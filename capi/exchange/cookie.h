/* Cookies that must not be taken for others. */
#ifndef FORKER_COOKIE_H
#define FORKER_COOKIE_H

#include "exchange/exchange.h"

/* forker_request_cookie() of a cookie that the client has sent once; NULL too if there are several, of which one may be somebody else's. */
const char *fk_cookie_only(forker_request *req, const char *name, size_t *len_out);

#endif
