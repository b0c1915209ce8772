/*
 * Text of protocols and options is ASCII, whatever locale the program has set. The functions of ctype.h and strings.h
 * follow the locale: under tr_TR they do not take "I" and "i" for one letter. tools/check-layers refuses them here.
 */
#ifndef FORKER_ASCII_H
#define FORKER_ASCII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool fk_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool fk_ascii_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static inline bool fk_ascii_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* tchar, RFC 9110 section 5.6.2; class.go of engine/http1 has the same. */
static inline bool fk_ascii_is_token(char c)
{
    return fk_ascii_is_letter(c) || fk_ascii_is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* How many bytes at the beginning of a text are a token. */
static inline size_t fk_ascii_token_len(const char *text)
{
    size_t len = 0;
    while (fk_ascii_is_token(text[len])) {
        len++;
    }
    return len;
}

/* Whether a whole text is one. */
static inline bool fk_ascii_is_whole_token(const char *text)
{
    size_t len = fk_ascii_token_len(text);
    return len > 0 && text[len] == '\0';
}

static inline char fk_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline char fk_ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

/* Whether the first `len` bytes of both are the same but for the case of letters. */
static inline bool fk_ascii_same(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (a[i] != b[i] && fk_ascii_lower(a[i]) != fk_ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

/* The same of two whole texts. */
static inline bool fk_ascii_equal(const char *a, const char *b)
{
    size_t len = strlen(a);
    return len == strlen(b) && fk_ascii_same(a, b, len);
}

/* Reads a text that is nothing but decimal digits. false: it is something else, or larger than `most`. */
static inline bool fk_ascii_number(const char *text, uint64_t most, uint64_t *number_out)
{
    uint64_t number = 0;
    for (const char *p = text; *p != '\0'; p++) {
        uint64_t digit = (uint64_t)(unsigned char)*p - '0';
        if (!fk_ascii_is_digit(*p) || number > most / 10 || digit > most - number * 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *number_out = number;
    return text[0] != '\0';
}

#endif
