/* Base64 (RFC 4648 section 4). */
#include "exchange/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t fk_base64_len(size_t len)
{
    return len / 3 * 4 + (len % 3 > 0 ? len % 3 + 1 : 0);
}

void fk_base64_encode(char *out, const void *data, size_t len)
{
    const unsigned char *in = data;
    for (; len >= 3; len -= 3, in += 3) {
        *out++ = digits[in[0] >> 2];
        *out++ = digits[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = digits[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = digits[in[2] & 63];
    }
    if (len > 0) {
        unsigned second = len == 2 ? in[1] : 0;
        *out++ = digits[in[0] >> 2];
        *out++ = digits[(in[0] & 3U) << 4 | second >> 4];
        if (len == 2) {
            *out = digits[(second & 15) << 2];
        }
    }
}

/* The value of a digit; -1: it is none. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ptrdiff_t fk_base64_decode(char *out, const char *text, size_t len)
{
    while (len % 4 != 1 && len > 0 && text[len - 1] == '=') { /* at most two, which make it whole */
        len--;
    }
    if (len % 4 == 1) {
        return -1;
    }
    ptrdiff_t size = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return -1;
        }
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 != 0) {
            out[size++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
        }
    }
    return size;
}
