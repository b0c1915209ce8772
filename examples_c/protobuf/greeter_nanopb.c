/*
 * A gRPC service, helloworld.Greeter, whose messages are packed and unpacked by nanopb: they are structs of a fixed size, so no
 * memory is allocated. helloworld.proto and helloworld.options are what nanopb's generator makes helloworld.pb.c of. Start it with
 * `build/greeter_nanopb` (or `build/greeter_nanopb 127.0.0.1:9000`), then ask it with any client of gRPC, as by
 *
 *     grpcurl -plaintext -proto helloworld.proto -d '{"name": "you"}' localhost:50051 helloworld.Greeter/SayHello
 *
 * End it with Ctrl-C.
 */
#include <forker.h>

#include <stdio.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "helloworld.pb.h"

enum { GREETINGS = 3, INVALID_ARGUMENT = 3 };

/* Unpacks the client's message. false: it is malformed, and the call has failed. */
static bool unpack(forker_request *req, helloworld_HelloRequest *request) {
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    pb_istream_t in = pb_istream_from_buffer(message, len);
    if (pb_decode(&in, helloworld_HelloRequest_fields, request)) {
        return true;
    }
    forker_grpc_fail(req, INVALID_ARGUMENT, PB_GET_ERROR(&in));
    return false;
}

/* The reply is packed where it is sent from. */
static int say_hello(forker_request *req, void *user) {
    helloworld_HelloRequest request = helloworld_HelloRequest_init_zero;
    helloworld_HelloReply reply = helloworld_HelloReply_init_zero;
    (void)user;
    if (!unpack(req, &request)) {
        return FORKER_OK;
    }
    snprintf(reply.message, sizeof reply.message, "Hello %s", request.name);
    void *room = forker_grpc_reserve(req, helloworld_HelloReply_size);
    if (room == NULL) {
        return FORKER_E_MEMORY;
    }
    pb_ostream_t out = pb_ostream_from_buffer(room, helloworld_HelloReply_size);
    return pb_encode(&out, helloworld_HelloReply_fields, &reply) ? forker_grpc_commit(req, out.bytes_written)
                                                                 : FORKER_E_INTERNAL;
}

/* Several replies go out through a handle. */
static int say_hello_stream(forker_request *req, void *user) {
    helloworld_HelloRequest request = helloworld_HelloRequest_init_zero;
    forker_deferred handle;
    (void)user;
    if (!unpack(req, &request)) {
        return FORKER_OK;
    }
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_MEMORY;
    }
    for (int i = 1; i <= GREETINGS; i++) {
        helloworld_HelloReply reply = helloworld_HelloReply_init_zero;
        pb_byte_t packed[helloworld_HelloReply_size];
        pb_ostream_t out = pb_ostream_from_buffer(packed, sizeof packed);
        snprintf(reply.message, sizeof reply.message, "Hello %s, %d", request.name, i);
        if (pb_encode(&out, helloworld_HelloReply_fields, &reply)) {
            forker_grpc_send(handle, packed, out.bytes_written);
        }
    }
    forker_grpc_finish(handle, 0, NULL);
    return FORKER_DEFERRED;
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_set(srv, "h2c", "on");
    forker_server_grpc(srv, "/helloworld.Greeter/SayHello", FORKER_GRPC_UNARY, say_hello, NULL);
    forker_server_grpc(srv, "/helloworld.Greeter/SayHelloStreamReply", FORKER_GRPC_SERVER_STREAM, say_hello_stream,
                       NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":50051");
    int code = forker_server_run(srv);
    if (code != FORKER_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], forker_server_error(srv));
    }
    forker_server_free(srv);
    return code == FORKER_OK ? 0 : 1;
}
