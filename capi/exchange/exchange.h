/*
 * One request and its response, as the engine and the C accessors share it. The engine allocates it off the Go heap,
 * fills the first part, calls the handler through dispatch.c and reads the response back; no other call crosses the
 * boundary.
 *
 * The Go twins are engine.Request, message.Head and slot.Peer; the layouts are checked against these when capi is
 * compiled.
 */
#ifndef FORKER_EXCHANGE_H
#define FORKER_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/server.h"
#include "base/slot.h"
#include "forker.h"

enum { FK_FIELDS_MAX = 256 };

/* A piece of the head's bytes: offset from fk_head's first byte, and length. */
typedef struct {
    uint32_t off;
    uint32_t len;
} fk_span;

typedef struct {
    fk_span name;
    fk_span value;
} fk_field;

/*
 * What the parser found; message.Head. Behind every span stands a delimiter of the head, which an accessor may overwrite
 * by NUL.
 */
typedef struct {
    fk_span method;
    fk_span target;
    fk_span path;  /* raw */
    fk_span query; /* raw, without "?" */
    fk_span host;
    int64_t content_length; /* -1: none given */
    uint8_t form;           /* message.Form* */
    uint8_t version;        /* as of forker_request_version() */
    uint8_t keep_alive;
    uint8_t chunked;
    uint8_t expect_continue;
    uint8_t has_query;
    uint8_t plain_path;
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

/* Bits of fk_response.flags. */
enum {
    FK_RESPONSE_CLOSE = 1,      /* the handler asked for "Connection: close" */
    FK_RESPONSE_HAS_DATE = 2,   /* it set Date by itself */
    FK_RESPONSE_HAS_SERVER = 4, /* it set Server by itself */
    FK_RESPONSE_ERROR = 8,      /* forker_respond_error(): the engine writes the text, body is the detail */
    FK_RESPONSE_STREAM = 16,    /* the body comes through the deferred handle, piece by piece */
    FK_RESPONSE_HIJACKED = 32,  /* the program has taken the connection */
    FK_RESPONSE_ANNOUNCES = 64, /* fields has Trailer, for a stream that goes out in chunks */
    FK_RESPONSE_LENGTH = 128    /* length is what forker_response_length() said */
};

/* How far a response has come. */
enum {
    FK_RESPONSE_NONE = 0,
    FK_RESPONSE_STARTED = 1, /* a status, field or body was set piece by piece */
    FK_RESPONSE_WHOLE = 2,   /* answered in one call: nothing can be added */
    FK_RESPONSE_HEAD = 3,    /* its head is about to be sent: fields can be set; onhead.c */
    FK_RESPONSE_UNDUE = 4    /* nothing can be said yet, the gates are asked; origin.c */
};

/* What a request's scheme is. */
enum { FK_SCHEME_OF_CONNECTION = 0, FK_SCHEME_HTTP = 1, FK_SCHEME_HTTPS = 2 };

/* What the response to a call of gRPC is. */
enum {
    FK_GRPC_NONE = 0,    /* one like others */
    FK_GRPC_MESSAGE = 1, /* body is a message with its prefix */
    FK_GRPC_STATUS = 2,  /* there is no message: code says why, and body in words */
    FK_GRPC_STREAM = 3 /* messages with their prefixes come through the deferred handle; then there are code and body */
};

/* Where the program is inside of, as far as it matters for what it may do. */
enum {
    FK_INSIDE_NOTHING,
    FK_INSIDE_HANDLER,
    FK_INSIDE_ON_BODY,
    FK_INSIDE_GATE, /* of a function that the gates ask: origin.c */
    FK_INSIDE_LATE  /* of a function that the loop calls when it responds: onhead.c, errorcall.c */
};

/* What a piece of a body is. */
enum {
    FK_PART_BODY = 0, /* bytes of fk_response.body: off, len */
    FK_PART_LENT = 1, /* the program's bytes: data, len */
    FK_PART_FILE = 2  /* of a file: fd, off, len */
};

/* A piece of a body, where that is more than the bytes of fk_response.body. */
typedef struct {
    uint32_t kind;
    int32_t fd;
    const char *data;
    uint64_t off;
    uint64_t len;
    void (*release)(void *user); /* called when the piece is not needed any more; NULL: nothing to do */
    void *user;
} fk_part;

typedef struct {
    uint16_t status;
    uint8_t state;
    uint8_t flags;
    uint8_t grpc; /* FK_GRPC_* */
    uint8_t code; /* of a call's status */
    uint8_t file; /* 1: parts is a file as a whole, of which the client may want less */
    uint8_t pad;
    int64_t length;  /* of a stream: what its head promises; -1: not known; or see FK_RESPONSE_LENGTH */
    uint64_t parted; /* bytes of `body` that stand in `parts`; the rest comes behind them */
    uint64_t extra;  /* bytes of all parts that are not of `body` */
    fk_block fields; /* "Name: value\r\n" lines */
    fk_block body;
    fk_block parts;    /* fk_part */
    fk_block trailers; /* like fields, sent behind a stream that goes out in chunks */
    int64_t modified;  /* of that file: seconds since 1970 */
    uint64_t inode;
    uint32_t modified_ns; /* and nanoseconds */
    uint32_t pad_file;
} fk_response;

/* What was wrong with the last call that failed; failure.c. */
typedef struct {
    char *text; /* NULL: nothing */
    int32_t code;
    uint32_t pad;
} fk_failure;

struct fk_text;
struct fk_deferred;

/* What is known of a connection's TLS; engine.TLSInfo. Behind it lie the texts, each with a NUL behind it. */
enum { FK_TLS_ITEMS = FORKER_TLS_CLIENT_CHAIN_PEM + 1 };
typedef struct {
    fk_span items[FK_TLS_ITEMS]; /* from the first byte of this; off 0: there is none */
} fk_tls;

/*
 * Which messages are compressed, as the program says; engine.RPCWish*. With it begins the prefix of a message that goes out
 * through a handle, until the engine has seen to it.
 */
enum { FK_WISH_NONE = 0, FK_WISH_COMPRESSED = 1, FK_WISH_PLAIN = 2 };

/* What a request has that is a call of gRPC; engine.RPC. */
typedef struct {
    char *message; /* its only one; NULL: there is none, or they come one by one */
    uint64_t len;
    uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: there is none */
    uint64_t reserved;    /* by forker_grpc_reserve(): so many bytes, and 1; 0: none */
    uint8_t is;           /* 1: the request is a call */
    uint8_t on_message;   /* 1: on_body is for messages */
    uint8_t sent;         /* 1: a message was sent through its handle */
    uint8_t takes;        /* 1: the client takes messages that are compressed */
    uint8_t compressed;   /* 1: the message came compressed */
    uint8_t wish;         /* FK_WISH_*, of the messages that are sent from now on */
    uint8_t encodes; /* 1: some of them may be compressed by that, so that the response's head names the encoding */
    uint8_t web;     /* 1: it is one of gRPC-Web */
} fk_call;

struct forker_request {
    /* Filled by the engine. */
    char *base; /* the head's first byte: spans count from here */
    char *path; /* decoded; in the head itself if it needed no decoding */
    char *body; /* NUL-terminated */
    uint64_t body_len;
    uint32_t path_len;
    uint32_t path_decoded; /* 1: path is a NUL-terminated copy; 0: it is in the head, not terminated */
    fk_peer peer;
    uint32_t route; /* index into the server's routes */
    uint32_t param_count;
    uint32_t cancelled; /* 1: the client has left; atomic */
    uint64_t now_ns;    /* CLOCK_MONOTONIC of this iteration */
    forker_server *server;
    fk_black_box *box; /* where the request is noted while it is inside a handler */
    char *rest;        /* what has come behind this request; its first byte may have been overwritten by NUL */
    uint64_t rest_len;
    const fk_tls *tls;  /* NULL: the connection has none */
    uint64_t serial;    /* tells it from other requests that are or were at the same address */
    uint32_t index;     /* the engine's */
    int32_t body_fd;    /* a file that has the body too; -1: none */
    uint32_t paused;    /* 1: the program wants no more of the body now; atomic */
    uint32_t interims;  /* 1: interim responses of it were put into the queue; atomic */
    uint8_t rest_first; /* the first byte of rest */
    uint8_t inside;     /* FK_INSIDE_* */
    uint8_t traced;     /* 1: client says where the request is from; else it is peer */
    uint8_t scheme;     /* FK_SCHEME_* */
    uint8_t id_len;     /* bytes of id; 0: the request has none */
    uint8_t kept;       /* 1: on_body has kept some of a piece, and is to be called for that when there is no pause */
    uint8_t user_len;   /* bytes of user; 0: nobody has shown who they are */
    uint8_t early;      /* 1: the body is still to come; chain.c */
    fk_peer client;
    fk_span host;   /* as a trusted proxy says; empty: it is head.host */
    int32_t fd;     /* of the connection, as long as `cancelled` is 0 */
    char id[72];    /* NUL-terminated */
    char user[256]; /* likewise */
    fk_call call;
    fk_span params[FK_PARAMS_MAX]; /* pieces of path, in the order of the route's names */
    fk_head head;

    /* Filled by the response functions. */
    fk_response response;

    /* Owned by request.c and deferred.c. */
    struct fk_text *texts;        /* copies made for accessors, freed when the request ends */
    struct fk_deferred *deferred; /* NULL: the handler answers before it returns */
    forker_body_fn on_body;       /* NULL: not asked for, or called for the last time */
    void *on_body_user;
    fk_failure failure; /* of a call about the request */

    /* Owned by chain.c. */
    fk_block passed;        /* const fk_use *: those that the request has come to, in that order */
    forker_outcome outcome; /* filled by the engine when the request ends, if `owed` says so */
    uint32_t step;     /* so many of its route's chain it has come to; one more than there are: to the handler too */
    uint8_t token_due; /* 1: it has to show the token of a page of this server first; filled by the engine; csrf.c */
    uint8_t owed;      /* 1: some of `passed` have a done function */
    uint8_t pad_step[2];

    void **values; /* by slot; NULL: none was set */

    fk_block heads; /* what forker_request_on_head() was called with; onhead.c */

    struct fk_form *form; /* one of the texts; NULL: not parsed */

    const char *csrf_cookie; /* that its response is to set; one of the texts; NULL: none */
};

#endif
