/* Answers to the requests of forker_server_test(): HTTP/1 as a client reads it, as it comes. */
#ifndef FORKER_ANSWER_H
#define FORKER_ANSWER_H

#include <stdbool.h>

#include "exchange/block.h"

/* How far one has come. */
typedef enum {
    FK_ANSWER_HEAD,  /* its head is not there, or only that of an interim response */
    FK_ANSWER_BODY,  /* so many bytes of its body are still to come, */
    FK_ANSWER_REST,  /* or all until the connection ends, */
    FK_ANSWER_CHUNK, /* or the line of a chunk, */
    FK_ANSWER_TRAILERS,
    FK_ANSWER_WHOLE,
    FK_ANSWER_BROKEN /* it is no answer of HTTP/1 */
} fk_answer_state;

/* A field, of the head or the trailer section: its name, and behind the NUL its value. */
typedef struct {
    char *name;
    char *value;
    bool trails;
} fk_answer_field;

struct forker_answer {
    fk_answer_state state;
    int status;
    bool bodiless; /* the request was HEAD */
    bool closed;   /* of a chunk only the end of its line is left */
    size_t read;   /* so much of the text is understood */
    uint64_t left; /* bytes of the body, or of the chunk */
    fk_block text; /* as it came */
    fk_block body; /* without the framing */
    fk_block fields;
};

/* For a request with that method. NULL: out of memory. */
forker_answer *fk_answer_new(bool is_head);

/* Takes in what has come. ended: nothing follows. false: out of memory. */
bool fk_answer_take(forker_answer *answer, const char *data, size_t len, bool ended);

#endif
