/* What may be shown to who reads a log, on a terminal too. */
#ifndef FORKER_PRINTABLE_H
#define FORKER_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether the character that `bytes` begin with, of which there is at least one, changes nothing but itself where it is
 * shown; `taken_out` is how many bytes it has. Async-signal-safe.
 */
bool fk_printable(const char *bytes, size_t len, size_t *taken_out);

#endif
