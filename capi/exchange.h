/*
 * One request and its answer, as the engine and the C accessors share it. The engine allocates it off the Go heap, fills the first
 * part, calls the handler through dispatch.c and reads the answer back; no other call crosses the boundary.
 *
 * The Go twins are engine.Request, http1.Head and slot.Peer; the layouts are checked against these when capi is compiled.
 */
#ifndef FORKER_EXCHANGE_H
#define FORKER_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "forker.h"
#include "slot.h"

enum { FK_FIELDS_MAX = 256, FK_PARAMS_MAX = 16 };

/* A piece of the head's bytes: offset from fk_head's first byte, and length. */
typedef struct {
    uint32_t off;
    uint32_t len;
} fk_span;

typedef struct {
    fk_span name;
    fk_span value;
} fk_field;

/* What the parser found; http1.Head. Behind every span stands a delimiter of the head, which an accessor may overwrite by NUL. */
typedef struct {
    fk_span method;
    fk_span target;
    fk_span path;  /* raw */
    fk_span query; /* raw, without "?" */
    fk_span host;
    int64_t content_length; /* -1: none given */
    uint8_t form;           /* http1.Form */
    uint8_t minor;          /* HTTP/1.minor */
    uint8_t keep_alive;
    uint8_t chunked;
    uint8_t expect_continue;
    uint8_t has_query;
    uint16_t field_count;
    uint16_t trailer_count;
    fk_field fields[FK_FIELDS_MAX]; /* field_count of the head, then trailer_count of the trailer section */
} fk_head;

/* A growing block of malloc(3) memory. */
typedef struct {
    char *data;
    uint64_t len;
    uint64_t cap;
} fk_block;

/* Bits of fk_answer.flags. */
enum {
    FK_ANSWER_CLOSE = 1,       /* the handler asked for "Connection: close" */
    FK_ANSWER_HAS_DATE = 2,    /* it set Date by itself */
    FK_ANSWER_HAS_SERVER = 4,  /* it set Server by itself */
    FK_ANSWER_ERROR = 8        /* forker_respond_error(): the engine writes the text, body is the detail */
};

/* How far an answer has come. */
enum {
    FK_ANSWER_NONE = 0,
    FK_ANSWER_STARTED = 1, /* a status, field or body was set piece by piece */
    FK_ANSWER_WHOLE = 2    /* answered in one call: nothing can be added */
};

typedef struct {
    uint16_t status;
    uint8_t state;
    uint8_t flags;
    uint32_t pad;
    fk_block fields; /* "Name: value\r\n" lines */
    fk_block body;
} fk_answer;

struct fk_text;

struct forker_request {
    /* Filled by the engine. */
    char *base;      /* the head's first byte: spans count from here */
    char *path;      /* decoded; in the head itself if it needed no decoding */
    char *body;      /* NUL-terminated */
    uint64_t body_len;
    uint32_t path_len;
    uint32_t path_decoded; /* 1: path is a NUL-terminated copy; 0: it is in the head, not terminated */
    fk_peer peer;
    uint32_t route;      /* index into the server's routes */
    uint32_t param_count;
    uint64_t now_ns;     /* CLOCK_MONOTONIC of this iteration */
    fk_span params[FK_PARAMS_MAX]; /* pieces of path, in the order of the route's names */
    fk_head head;

    /* Filled by the response functions. */
    fk_answer answer;

    /* Owned by request.c: copies made for accessors, freed when the request ends. */
    struct fk_text *texts;
};

#endif
