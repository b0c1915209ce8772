/*
 * grpc.testing.TestService, which the interoperability tests of gRPC call: interop <address>
 *
 * Its messages are few, so they are read and written here by hand.
 */
#include "program.h"

#include <stdbool.h>
#include <stdint.h>

/* ---------------------------------------------------------------------------------------------------------- protobuf */

/* A field of a message: a number, or bytes. */
typedef struct {
    uint32_t number;
    uint64_t value;
    const uint8_t *data; /* NULL: it is a number */
    size_t len;
} field;

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *value_out)
{
    *value_out = 0;
    for (int shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        *value_out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

/* Reads the next field. false: there is none. */
static bool next_field(const uint8_t **p, const uint8_t *end, field *out)
{
    uint64_t tag;
    if (!read_varint(p, end, &tag) || !read_varint(p, end, &out->value)) {
        return false;
    }
    out->number = (uint32_t)(tag >> 3);
    out->data = NULL;
    out->len = 0;
    if ((tag & 7) == 2) {
        if (out->value > (uint64_t)(end - *p)) {
            return false;
        }
        out->data = *p;
        out->len = (size_t)out->value;
        *p += out->len;
    }
    return true;
}

static uint8_t *write_varint(uint8_t *p, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *p++ = (uint8_t)(value | 0x80);
    }
    *p++ = (uint8_t)value;
    return p;
}

/* A Payload of so many zeros, as field 1 of a message. The caller frees it. */
static uint8_t *make_payload(size_t size, size_t *len_out)
{
    uint8_t *message = calloc(1, size + 32), head[16];
    uint8_t *p = write_varint(head + 1, size);
    head[0] = 2 << 3 | 2;
    size_t head_len = size > 0 ? (size_t)(p - head) : 0;
    p = message;
    *p++ = 1 << 3 | 2;
    p = write_varint(p, head_len + size);
    memcpy(p, head, head_len);
    *len_out = (size_t)(p - message) + head_len + size;
    return message;
}

/* --------------------------------------------------------------------------------------------------------- the calls */

/* What a request asks for. */
typedef struct {
    size_t size; /* of the payload in response to a SimpleRequest */
    size_t sizes[64], size_count;
    int wishes[64]; /* of each, for forker_grpc_compress() */
    int wish;       /* of the one payload */
    int expects;    /* whether the request should have come compressed; -1: it does not say */
    int code;
    char text[256];
} order;

static void read_status(const field *f, order *o)
{
    const uint8_t *p = f->data;
    field g;
    while (next_field(&p, f->data + f->len, &g)) {
        if (g.number == 1) {
            o->code = (int)g.value;
        } else if (g.number == 2) {
            snprintf(o->text, sizeof o->text, "%.*s", (int)g.len, (const char *)g.data);
        }
    }
}

/* A BoolValue. */
static int read_bool(const field *f)
{
    const uint8_t *p = f->data;
    field g;
    int value = 0;
    while (next_field(&p, f->data + f->len, &g)) {
        value = g.number == 1 ? g.value != 0 : value;
    }
    return value;
}

/* A ResponseParameters. */
static void read_parameters(const field *f, order *o)
{
    const uint8_t *p = f->data;
    field g;
    o->sizes[o->size_count] = 0;
    o->wishes[o->size_count] = -1;
    while (next_field(&p, f->data + f->len, &g)) {
        if (g.number == 1) {
            o->sizes[o->size_count] = (size_t)g.value;
        } else if (g.number == 3 && g.data != NULL) {
            o->wishes[o->size_count] = read_bool(&g);
        }
    }
    o->size_count++;
}

/* SimpleRequest and StreamingOutputCallRequest. */
static void read_order(const void *message, size_t len, order *o)
{
    const uint8_t *p = message, *end = p + len;
    field f;
    memset(o, 0, sizeof *o);
    o->wish = o->expects = -1;
    while (len > 0 && next_field(&p, end, &f)) {
        if (f.number == 2 && f.data == NULL) {
            o->size = (size_t)f.value;
        } else if (f.number == 2 && o->size_count < 64) {
            read_parameters(&f, o);
        } else if (f.number == 6 && f.data != NULL) {
            o->wish = read_bool(&f);
        } else if (f.number == 8 && f.data != NULL) {
            o->expects = read_bool(&f);
        } else if (f.number == 7 && f.data != NULL) {
            read_status(&f, o);
        }
    }
}

static void echo_metadata(forker_request *req)
{
    size_t len;
    const void *value = forker_grpc_metadata(req, "x-grpc-test-echo-initial", &len);
    if (value != NULL) {
        forker_grpc_metadata_add(req, "x-grpc-test-echo-initial", value, len);
    }
    value = forker_grpc_metadata(req, "x-grpc-test-echo-trailing-bin", &len);
    if (value != NULL) {
        forker_grpc_trailer_add(req, "x-grpc-test-echo-trailing-bin", value, len);
    }
}

/* Whether a message has come as the client says. */
static bool is_as_expected(forker_request *req, int expects)
{
    return expects < 0 || expects == forker_grpc_compressed(req);
}

static int refuse_compression(forker_request *req)
{
    return forker_grpc_fail(req, 3, "the message has not come as its expect_compressed says");
}

static int empty_call(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_reply(req, NULL, 0);
}

static int unary_call(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    order o;
    (void)user;
    read_order(message, len, &o);
    echo_metadata(req);
    if (o.code != 0) {
        return forker_grpc_fail(req, o.code, o.text);
    }
    if (!is_as_expected(req, o.expects)) {
        return refuse_compression(req);
    }
    uint8_t *payload = make_payload(o.size, &len);
    forker_grpc_compress(req, o.wish);
    int code = forker_grpc_reply(req, payload, len);
    free(payload);
    return code;
}

/* Sends what an order says, and ends the call if it says so. */
static int send_payloads(forker_deferred handle, const order *o)
{
    for (size_t i = 0; i < o->size_count; i++) {
        size_t len;
        uint8_t *payload = make_payload(o->sizes[i], &len);
        forker_grpc_compress(forker_deferred_request(handle), o->wishes[i]);
        int code = forker_grpc_send(handle, payload, len);
        free(payload);
        if (code != FORKER_OK) {
            return code;
        }
    }
    return o->code != 0 ? forker_grpc_finish(handle, o->code, o->text) : FORKER_OK;
}

static int output_call(forker_request *req, void *user)
{
    forker_deferred handle;
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    order o;
    (void)user;
    read_order(message, len, &o);
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    if (send_payloads(handle, &o) != FORKER_OK) {
        forker_deferred_drop(handle);
    } else if (o.code == 0) {
        forker_grpc_finish(handle, 0, NULL);
    }
    return FORKER_DEFERRED;
}

static int add_size(forker_request *req, const void *data, size_t len, int last, void *user)
{
    size_t *sum = user;
    if (last == 0) {
        const uint8_t *p = data, *end = p + len;
        field f, g;
        while (len > 0 && next_field(&p, end, &f)) {
            if (f.number == 2 && f.data != NULL && !is_as_expected(req, read_bool(&f))) {
                return refuse_compression(req);
            }
            for (const uint8_t *q = f.data; f.number == 1 && next_field(&q, f.data + f.len, &g);) {
                *sum += g.number == 2 ? g.len : 0;
            }
        }
        return FORKER_OK;
    }
    uint8_t reply[16] = {1 << 3};
    size_t reply_len = (size_t)(write_varint(reply + 1, *sum) - reply);
    free(sum);
    return last > 0 ? forker_grpc_reply(req, reply, reply_len) : FORKER_OK;
}

static int input_call(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_on_message(req, add_size, calloc(1, sizeof(size_t)));
}

static int answer_order(forker_request *req, const void *data, size_t len, int last, void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    order o;
    (void)req;
    if (last == 0) {
        read_order(data, len, &o);
        send_payloads(handle, &o);
    } else if (last > 0) {
        forker_grpc_finish(handle, 0, NULL);
    }
    return FORKER_OK;
}

static void let_go(forker_deferred handle, int reason, void *user)
{
    (void)user;
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
}

static int duplex_call(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    echo_metadata(req);
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, let_go, NULL) != FORKER_OK ||
        forker_grpc_on_message(req, answer_order, (void *)(uintptr_t)handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_grpc(server, "/grpc.testing.TestService/EmptyCall", FORKER_GRPC_UNARY, empty_call, NULL);
    forker_server_grpc(server, "/grpc.testing.TestService/UnaryCall", FORKER_GRPC_UNARY, unary_call, NULL);
    forker_server_grpc(server, "/grpc.testing.TestService/StreamingOutputCall", FORKER_GRPC_SERVER_STREAM, output_call,
                       NULL);
    forker_server_grpc(server, "/grpc.testing.TestService/StreamingInputCall", FORKER_GRPC_CLIENT_STREAM, input_call,
                       NULL);
    forker_server_grpc(server, "/grpc.testing.TestService/FullDuplexCall", FORKER_GRPC_BIDI, duplex_call, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    return serve_to_end(server);
}
