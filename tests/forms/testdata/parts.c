/*
 * Takes forms apart by the push parser, whole and cut at every position, byte by byte, and with a stop after each call. On stdin come
 * forms: length of the boundary (1 byte), boundary, length of the body (4 bytes), body. For each the parts are written to stdout, with
 * their length (4 bytes) before them; see result. The program ends with an error if a cut makes a difference.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/multipart.h"
#include "exchange/partheader.h"

/* For each part "P", name, filename, type and content, and at the end "." or "!": refused. Of text that is not there the length is -1. */
typedef struct {
    char *bytes;
    size_t len, cap;
    size_t content; /* where the length of the present part's content is */
    bool refused;
    bool stops; /* after each call */
} result;

static void put(result *r, const void *data, size_t len)
{
    while (r->cap - r->len < len) {
        r->cap = r->cap * 2 + 64;
        r->bytes = realloc(r->bytes, r->cap);
        if (r->bytes == NULL) {
            abort();
        }
    }
    memcpy(r->bytes + r->len, data, len);
    r->len += len;
}

static void put_text(result *r, const char *text)
{
    uint32_t len = text != NULL ? (uint32_t)strlen(text) : UINT32_MAX;
    put(r, &len, sizeof len);
    put(r, text != NULL ? text : "", text != NULL ? len : 0);
}

static bool head(void *user, char *text, size_t len)
{
    result *r = user;
    fk_part_header header;
    char *copy = malloc(len + 1); /* of this very size */
    memcpy(copy, text, len);
    uint32_t none = 0;
    r->refused = fk_part_header_read(copy, len, &header) != NULL;
    if (!r->refused) {
        put(r, "P", 1);
        put_text(r, header.name);
        put_text(r, header.filename);
        put_text(r, header.content_type);
        r->content = r->len;
        put(r, &none, sizeof none);
    }
    free(copy);
    return !r->refused && !r->stops;
}

static bool data(void *user, const char *bytes, size_t len)
{
    result *r = user;
    put(r, bytes, len);
    return !r->stops;
}

static bool end(void *user)
{
    result *r = user;
    uint32_t len = (uint32_t)(r->len - r->content - sizeof len);
    memcpy(r->bytes + r->content, &len, sizeof len);
    return !r->stops;
}

/* Feeds a copy of a piece that has nothing behind it. false: it is refused. */
static bool feed(fk_multipart *m, const result *r, const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    size_t taken = 0;
    memcpy(copy, bytes, len);
    while (taken < len && m->fault == NULL && !r->refused) {
        taken += fk_multipart_feed(m, copy + taken, len - taken);
    }
    free(copy);
    return m->fault == NULL && !r->refused;
}

/* A form in pieces: two with a cut, or many of `step` bytes. */
static void take(result *r, const char *boundary, size_t boundary_len, const char *body, size_t len, size_t cut,
                 size_t step)
{
    static fk_multipart m;
    fk_multipart_calls calls = {head, data, end, r};
    bool goes_on = true;
    r->len = 0;
    r->refused = false;
    fk_multipart_begin(&m, boundary, boundary_len, &calls);
    for (size_t at = 0; goes_on && at < len;) {
        size_t n = at < cut ? cut - at : step;
        n = n < len - at ? n : len - at;
        goes_on = feed(&m, r, body + at, n);
        at += n;
    }
    r->refused = !goes_on || !fk_multipart_finish(&m);
    if (r->refused) {
        r->len = 0; /* how far it comes depends on the cuts */
    }
    put(r, r->refused ? "!" : ".", 1);
}

static void expect_same(const result *a, const result *b, const char *how, size_t at)
{
    if (a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0) {
        fprintf(stderr, "another result %s %zu\n", how, at);
        exit(1);
    }
}

static void take_all(const char *boundary, size_t boundary_len, const char *body, size_t len)
{
    static result whole, other;
    take(&whole, boundary, boundary_len, body, len, 0, len);
    for (size_t cut = 1; cut < len; cut++) {
        take(&other, boundary, boundary_len, body, len, cut, len);
        expect_same(&whole, &other, "cut at", cut);
    }
    for (size_t step = 1; step < 4; step++) {
        other.stops = step == 2;
        take(&other, boundary, boundary_len, body, len, 0, step);
        expect_same(&whole, &other, "in pieces of", step);
    }
    other.stops = true;
    take(&other, boundary, boundary_len, body, len, 0, len);
    expect_same(&whole, &other, "with stops in", len);
    other.stops = false;
    uint32_t size = (uint32_t)whole.len;
    if (fwrite(&size, sizeof size, 1, stdout) != 1 || fwrite(whole.bytes, 1, whole.len, stdout) != whole.len ||
        fflush(stdout) != 0) {
        exit(2);
    }
}

int main(void)
{
    char boundary[256];
    int boundary_len;
    uint32_t len;
    while ((boundary_len = getchar()) != EOF) {
        if (fread(boundary, 1, (size_t)boundary_len, stdin) != (size_t)boundary_len ||
            fread(&len, sizeof len, 1, stdin) != 1) {
            return 2;
        }
        char *body = malloc(len + 1);
        if (body == NULL || fread(body, 1, len, stdin) != len) {
            return 2;
        }
        take_all(boundary, (size_t)boundary_len, body, len);
        free(body);
    }
    return 0;
}
