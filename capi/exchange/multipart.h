/*
 * Bodies of several parts (RFC 2046 section 5.1), as they come: a push parser, which takes pieces that are cut anywhere and calls
 * back with what they have in them. It knows nothing of requests.
 */
#ifndef FORKER_MULTIPART_H
#define FORKER_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FK_BOUNDARY_MAX = 70, FK_PART_HEADER_MAX = 8192 };

/*
 * What is called for each part: `head` with its header, without the empty line behind it, which may be changed and stays until the
 * next part; `data` for each piece of what it has in it; `end`. false: fk_multipart_feed() returns.
 */
typedef struct {
    bool (*head)(void *user, char *text, size_t len);
    bool (*data)(void *user, const char *data, size_t len);
    bool (*end)(void *user);
    void *user;
} fk_multipart_calls;

typedef struct {
    fk_multipart_calls calls;
    uint8_t state;
    bool in_part;  /* a part is open */
    bool stopped;  /* a call wants no more for now */
    bool too_much; /* the fault is one of size */
    bool any;      /* there was a part */
    uint8_t
        matched; /* bytes of the delimiter, or in front of the first part of its dashes and boundary, that have come */
    uint8_t unsent; /* so many of these are a line end that stands before the part */
    uint8_t delimiter_len;
    const char *delimiter; /* within `text`: the line end that is used, dashes, boundary */
    uint32_t header_len;
    uint32_t line;     /* where in the header the last line begins */
    uint64_t taken;    /* bytes of earlier pieces */
    uint64_t begins;   /* where in the body the data of the part begins */
    const char *piece; /* which is being fed */
    const char *fault; /* what is wrong with the body; NULL: nothing yet */
    char text[2 + 2 + FK_BOUNDARY_MAX + 1];
    char header[FK_PART_HEADER_MAX];
} fk_multipart;

/* Begins. `boundary` has 1 to FK_BOUNDARY_MAX bytes, and no line end in it. */
void fk_multipart_begin(fk_multipart *m, const char *boundary, size_t len, const fk_multipart_calls *calls);

/* Takes in the next piece. Returns how much of it: less than all if a call has said so, or the body is malformed. */
size_t fk_multipart_feed(fk_multipart *m, const char *data, size_t len);

/* Whether the body may end here. false: it has a fault. */
bool fk_multipart_finish(fk_multipart *m);

#endif
