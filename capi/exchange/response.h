/* What the files share that build responses: response.c, part.c, wire.c and others. */
#ifndef FORKER_RESPONSE_H
#define FORKER_RESPONSE_H

#include "exchange/failure.h"

/* A whole response, as forker_respond() takes it. */
typedef struct {
    int status;
    const char *content_type;
    const void *body;
    size_t len;
} fk_text_response;

/*
 * forker_respond(), forker_response_header_set(), _add() and forker_response_status() as parts of the call `verb`. A failure
 * of a call about a handle is the handle's, because any thread may make one.
 */
int fk_respond(forker_request *req, fk_failure *failure, const char *verb, const fk_text_response *response);
int fk_response_set(forker_request *req, fk_failure *failure, const char *verb, const char *name, const char *value);
int fk_response_add(forker_request *req, fk_failure *failure, const char *verb, const char *name, const char *value);

int fk_response_status(forker_request *req, const char *verb, int status);

/* Fails if the request is answered already. */
int fk_response_open(forker_request *req, fk_failure *failure, const char *verb);

/* The same, also if there is more of a response than a status and fields. */
int fk_response_unwritten(forker_request *req, fk_failure *failure, const char *verb);

/*
 * Fails if the body is not as long as forker_response_length() has said, and not left out either where there is none
 * (HEAD, 304).
 */
int fk_response_fits(const forker_request *req, fk_failure *failure, const char *verb);

/* Fails if the body cannot have `more` bytes. */
int fk_response_room(forker_request *req, const char *verb, uint64_t more);

#endif
