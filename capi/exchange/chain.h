/* The functions around a handler: those of its route's group, and of the groups around that. */
#ifndef FORKER_CHAIN_H
#define FORKER_CHAIN_H

#include "exchange/exchange.h"

/* How far a request has come. Bits. */
enum {
    FK_STAGE_HANDLER = 1, /* its handler can be called: what that wants is there */
    FK_STAGE_EARLY = 2    /* its body is still to come */
};

/* Does what fk_dispatch_chain() says, inside of the program. */
int fk_chain_run(forker_request *req, int stage);

/*
 * Calls the done functions of a request that has ended, if that has not been done. The loop's thread; or that which uses up
 * a handle, when the loop has ended.
 */
void fk_chain_end(uintptr_t request);

#endif
