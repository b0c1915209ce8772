/* What the files share that are about calls of gRPC: call.c, callstream.c, metadata.c. */
#ifndef FORKER_CALL_H
#define FORKER_CALL_H

#include "exchange/failure.h"

enum { FK_GRPC_PREFIX = 5, FK_GRPC_CODE_MOST = 16 };

/* Fails if the request is no call, or its deadline has passed. */
int fk_call_check(const forker_request *req, fk_failure *failure, const char *verb);

/* A message that is to be sent. */
typedef struct {
    const void *data;
    size_t len;
} fk_call_message;

/* Fails if that cannot be a message, or is larger than the method may send. */
int fk_call_check_message(const forker_request *req, fk_failure *failure, const char *verb, fk_call_message message);

/* Whether a message that goes out through the handle of a call now is compressed, as the program says, FK_WISH_*. */
uint8_t fk_call_wish(const forker_request *req);

/* Writes the prefix of a message of `len` bytes. */
void fk_call_write_prefix(char *out, size_t len);

/* Makes the status of the response what is given here; `text` may be NULL. */
int fk_call_set_status(forker_request *req, fk_failure *failure, const char *verb, int code, const char *text);

#endif
