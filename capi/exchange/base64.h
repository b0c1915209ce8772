/* Base64 (RFC 4648 section 4), in which gRPC writes bytes as the value of a field. */
#ifndef FORKER_BASE64_H
#define FORKER_BASE64_H

#include <stddef.h>

/* How many characters `len` bytes take, without padding. */
size_t fk_base64_len(size_t len);

/* Writes them to `out`, without padding or a NUL. */
void fk_base64_encode(char *out, const void *data, size_t len);

/*
 * Decodes `len` characters, with padding or without, to `out`, which may be `text` and has room for 3 bytes of each 4
 * characters. Returns how many bytes there are; -1: it is malformed.
 */
ptrdiff_t fk_base64_decode(char *out, const char *text, size_t len);

#endif
