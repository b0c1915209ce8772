/* Where a request can have a key, as forker_group_key_auth() is told. */
#ifndef FORKER_KEYSOURCE_H
#define FORKER_KEYSOURCE_H

#include <stdbool.h>

enum { FK_KEY_SOURCES_MAX = 8 };

typedef enum { FK_KEY_HEADER, FK_KEY_QUERY, FK_KEY_COOKIE, FK_KEY_FORM } fk_key_kind;

/* One place. The texts are pieces of fk_key_sources.text. */
typedef struct {
    fk_key_kind kind;
    const char *name;
    const char *scheme; /* of a header: what stands before the key; NULL: nothing */
} fk_key_source;

typedef struct {
    char *text;
    unsigned count;
    fk_key_source items[FK_KEY_SOURCES_MAX];
} fk_key_sources;

/* Reads "header:Authorization:Bearer, query:key". NULL: that is done; else what is wrong with the one that *wrong_out then is. */
const char *fk_key_sources_read(fk_key_sources *sources, const char *text, const char **wrong_out);

void fk_key_sources_free(fk_key_sources *sources);

#endif
