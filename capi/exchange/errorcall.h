/* The function of forker_server_on_error(). */
#ifndef FORKER_ERRORCALL_H
#define FORKER_ERRORCALL_H

#include "exchange/exchange.h"

enum { FK_ALLOW_MAX = 2048 }; /* more than all methods that a server can have */

/* An error that the library would word. */
typedef struct {
    int32_t status;
    int32_t retry_after; /* seconds; 0: it says nothing of that */
    const char *detail;
    const char *allow; /* the value of an Allow field */
    uint64_t detail_len;
    uint64_t allow_len; /* 0: it has none */
} fk_error;

/*
 * Asks the program's function, which there is, for the response to an error; the loop's thread. true: it is in req->response.
 * false: the library words it, and the response is as it was.
 */
bool fk_dispatch_error(uintptr_t address, const fk_error *error);

#endif
