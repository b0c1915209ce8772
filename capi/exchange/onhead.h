/* The functions of forker_request_on_head(). */
#ifndef FORKER_ONHEAD_H
#define FORKER_ONHEAD_H

#include "exchange/exchange.h"

/* Calls those that a request has, the latest first, inside of the program. */
void fk_on_head_run(forker_request *req, int status);

/* Calls them from the loop, on its thread. */
void fk_dispatch_head(uintptr_t address, int status);

#endif
