/* Pairs of names and values, as queries and forms have them. */
#ifndef FORKER_QUERY_H
#define FORKER_QUERY_H

#include "exchange/exchange.h"

/* Where the next pair begins. */
typedef struct {
    const char *p, *end;
} fk_query;

/* A pair, not decoded. */
typedef struct {
    const char *name, *name_end, *value, *end;
} fk_pair;

/* The query of a request. */
fk_query fk_query_of(const forker_request *req);

/* Steps behind the next pair. false: there is none. */
bool fk_query_next(fk_query *at, fk_pair *pair_out);

/* Whether the name of a pair is this one, when it is decoded. */
bool fk_query_is(const fk_pair *pair, const char *name);

/* Decodes one character ("+" is a space, a malformed escape stands for itself) and steps behind it. */
char fk_query_char(const char **p, const char *end);

/* Decodes what stands from `p` to `end`, and puts it to `out`, if that is not NULL. Returns how long it is. */
size_t fk_query_decode(char *out, const char *p, const char *end);

/* What stands from `p` to `end`, decoded; as long as the request. NULL: no memory. */
const char *fk_query_text(forker_request *req, const char *p, const char *end, size_t *len_out);

#endif
