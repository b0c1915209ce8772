/* What the program's functions have for each other about a request. */
#ifndef FORKER_VALUE_H
#define FORKER_VALUE_H

#include "exchange/exchange.h"

/* Has the values of a request destroyed, which has ended. Inside of the program. */
void fk_values_free(forker_request *req);

#endif
