/* What options about gates are written like: rates, origins, names of fields, media types. The engine reads them once more. */
#ifndef FORKER_GATETEXT_H
#define FORKER_GATETEXT_H

#include <stdbool.h>

/* Whether a text is such as "100/s burst=200 by=client". */
bool fk_rate_is(const char *text);

/* Whether it is a list of origins such as "https://example.org", with "*." before a name, or "*". */
bool fk_origins_are(const char *text);

/* Whether "*" is in a list of origins. */
bool fk_origins_have_all(const char *text);

/* Whether it is a list of names of fields, or "*". */
bool fk_names_are(const char *text);

/* Whether it is a list of media types such as "text/html" and "text/" with "*" for all of text, or "*". */
bool fk_media_ranges_are(const char *text);

#endif
