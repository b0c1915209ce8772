/* What to write instead of a value or an address that is not one. */
#ifndef FORKER_ADVICE_H
#define FORKER_ADVICE_H

#include <stddef.h>

enum { FK_ADVICE_MAX = 160 };

/*
 * Says what to write instead of a value of option `id`, as ": write 10m". "" where that cannot be told: it is out of
 * bounds, or nonsense.
 */
void fk_advice_value(int id, const char *text, char *advice_out);

/* The same for an address of forker_server_listen(). */
void fk_advice_address(const char *text, char *advice_out);

#endif
