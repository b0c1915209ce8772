/* What was wrong with the last call that failed, in a sentence. */
#ifndef FORKER_FAILURE_H
#define FORKER_FAILURE_H

#include "exchange/exchange.h"

/*
 * Remembers the sentence of a failed call, and returns its code. Every call about a request or handle that fails passes
 * through here, and nothing is formatted where none does.
 */
int fk_fail(fk_failure *failure, int code, const char *format, ...) __attribute__((format(printf, 3, 4), cold));

/* The sentence; "" if no call has failed. */
const char *fk_failure_text(const fk_failure *failure);

/* Forgets it. */
void fk_failure_clear(fk_failure *failure);

#endif
