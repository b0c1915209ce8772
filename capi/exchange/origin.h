/* Functions that say whose pages may read what is answered. */
#ifndef FORKER_ORIGIN_H
#define FORKER_ORIGIN_H

#include "exchange/exchange.h"

/*
 * Asks an fk_origin_judge about an origin; the loop's thread. The request's head is there, and nothing that belongs to a route but the
 * parameters.
 */
bool fk_dispatch_origin(uintptr_t address, uintptr_t judge, uintptr_t origin, uint64_t len);

#endif
