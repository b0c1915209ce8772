/* What option access_log_fields is written like. The engine reads it once more. */
#ifndef FORKER_LOGTEXT_H
#define FORKER_LOGTEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a text is a list of fields of the access log, none of which is in it twice. */
bool fk_log_fields_are(const char *text);

/* Says what of a list is wrong, and what may have been meant, as `: there is no "rout"; did you mean "route"?`. */
void fk_log_fields_advice(const char *text, char *advice_out, size_t size);

#endif
