/* What options about served directories are written like: names of files, Cache-Control by pattern, media types. The engine reads them once more. */
#ifndef FORKER_STATICTEXT_H
#define FORKER_STATICTEXT_H

#include <stdbool.h>

/* Whether a text is the name of a file below a directory, none of whose parts is hidden. */
bool fk_file_name_is(const char *text);

/* Whether it is a list such as "*.js=public, max-age=600; *=no-cache". */
bool fk_cache_rules_are(const char *text);

/* Whether it is a list such as "wasm=application/wasm, log=text/plain". */
bool fk_media_types_are(const char *text);

#endif
