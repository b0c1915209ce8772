/*
 * Decodes and encodes by base64.c of capi. On stdin come texts: length (4 bytes), text. For each, to stdout: how many bytes it stands
 * for (4 bytes; -1: it is malformed) and these, then the length of the text when it is encoded itself (4 bytes) and that.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/base64.h"

static void put(const void *data, size_t len)
{
    if (fwrite(data, 1, len, stdout) != len) {
        exit(2);
    }
}

static void put_text(const char *text, int32_t len)
{
    put(&len, sizeof len);
    if (len > 0) {
        put(text, (size_t)len);
    }
}

/* Into memory that is as large as what must fit, and into the text itself. */
static void decode(const char *text, uint32_t len)
{
    char *out = malloc(len / 4 * 3 + len % 4);
    ptrdiff_t size = fk_base64_decode(out, text, len);
    put_text(out, (int32_t)size);
    char *same = malloc(len);
    if (len > 0) {
        memcpy(same, text, len);
    }
    if (fk_base64_decode(same, same, len) != size || (size > 0 && memcmp(same, out, (size_t)size) != 0)) {
        fprintf(stderr, "decoded in its place it is another one\n");
        exit(1);
    }
    free(same);
    free(out);
}

static void encode(const char *text, uint32_t len)
{
    size_t size = fk_base64_len(len);
    char *out = malloc(size);
    fk_base64_encode(out, text, len);
    put_text(out, (int32_t)size);
    free(out);
}

int main(void)
{
    uint32_t len;
    while (fread(&len, sizeof len, 1, stdin) == 1) {
        char *text = malloc(len);
        if (len > 0 && (text == NULL || fread(text, 1, len, stdin) != len)) {
            return 2;
        }
        decode(text, len);
        encode(text, len);
        free(text);
        fflush(stdout);
    }
    return 0;
}
