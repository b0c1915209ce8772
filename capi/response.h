/* What the files share that build responses: response.c, part.c, wire.c and others. */
#ifndef FORKER_RESPONSE_H
#define FORKER_RESPONSE_H

#include "block.h"

/*
 * Appends "name: value\r\n". Returns FORKER_OK, FORKER_E_INVALID (not a token, control characters, the library's own),
 * FORKER_E_LIMIT, FORKER_E_MEMORY.
 */
int fk_response_line(fk_block *lines, const char *name, const char *value);

/* Adds a trailer field. The results of forker_response_header_add(). */
int fk_response_trailer(forker_request *req, const char *name, const char *value);

#endif
