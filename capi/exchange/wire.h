/*
 * What a handler has of its connection: interim responses, the way to take it over, and whether the client is there. C
 * never has the socket: the engine does what is asked, at once for a handler on its own thread, else by the queue.
 */
#ifndef FORKER_WIRE_H
#define FORKER_WIRE_H

#include "exchange/exchange.h"

/* An interim response on its way to the loop. */
typedef struct fk_interim {
    struct fk_interim *next;
    uintptr_t request;
    uint64_t serial; /* the request's: at the address there may be another by now */
    uint32_t status;
    uint32_t pad;
    uint64_t len;
    char *field; /* a line of `len` bytes, which lies behind this */
} fk_interim;

/*
 * Takes the interim response that has waited longest off the queue, which is valid until the next call; NULL: there is
 * none. The loop's thread.
 */
const fk_interim *fk_wire_take(forker_server *server);

#endif
