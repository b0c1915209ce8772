/* What holds for forms, whether they are taken whole or part by part: their types and limits. */
#ifndef FORKER_FORMRULE_H
#define FORKER_FORMRULE_H

#include "exchange/exchange.h"
#include "exchange/multipart.h"
#include "exchange/partheader.h"

/* What a form has had so far. */
typedef struct {
    forker_request *req;
    uint64_t parts;
    uint64_t part;          /* bytes of the present part */
    uint64_t fields, files; /* bytes of all of them */
    const char *name;       /* of the present part */
    bool is_file;           /* which it is */
} fk_form_meter;

/*
 * The type of a request's form: *boundary_out is the boundary of multipart/form-data, NULL for application/x-www-form-urlencoded. As
 * long as the request. Returns FORKER_OK; or with a sentence FORKER_E_INVALID (it is none of these), FORKER_E_MEMORY.
 */
int fk_form_type(forker_request *req, const char **boundary_out);

/* The value of a field of a form that is there as a whole; NULL: there is none of that name, or several, of which others may take another one. */
const char *fk_form_only(forker_request *req, const char *name, size_t *len_out);

/* Reads the header of a part, and counts it. Returns FORKER_OK; or with a sentence FORKER_E_INVALID, FORKER_E_LIMIT. */
int fk_form_part(fk_form_meter *meter, char *text, size_t len, fk_part_header *header_out);

/* Counts bytes of the present part. Returns FORKER_OK, or FORKER_E_LIMIT with a sentence. */
int fk_form_bytes(fk_form_meter *meter, uint64_t more);

/* Fails because of what the parser says. */
int fk_form_fault(forker_request *req, const fk_multipart *parser);

#endif
