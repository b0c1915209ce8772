/* The headers of parts of a form (RFC 7578 section 4.2). */
#ifndef FORKER_PARTHEADER_H
#define FORKER_PARTHEADER_H

#include <stddef.h>

/* What a header says. NULL: nothing of that. */
typedef struct {
    const char *name, *filename, *content_type;
} fk_part_header;

/*
 * Reads the header of a part, whose text is changed and holds what comes out; each of its lines has its end. Returns NULL, or what
 * is wrong with it. A disposition that is not form-data gives no name.
 */
const char *fk_part_header_read(char *text, size_t len, fk_part_header *header_out);

#endif
