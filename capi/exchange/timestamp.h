/* Timestamps: points of time as text by RFC 3339, which is a part of ISO 8601. */
#ifndef FORKER_TIMESTAMP_H
#define FORKER_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

enum { FK_TIMESTAMP_MAX = 32 };

/* Reads "2026-11-30T08:15:00.5+01:00", or "2026-11-30" for its beginning in UTC, as milliseconds since 1970. false: it is neither. */
bool fk_timestamp_read(const char *text, int64_t *ms_out);

/* Writes one as "2026-11-30T08:15:00Z", without what is less than a second; of years before 1 or behind 9999 the nearest one that can be written. */
void fk_timestamp_write(char text_out[FK_TIMESTAMP_MAX], int64_t ms);

#endif
