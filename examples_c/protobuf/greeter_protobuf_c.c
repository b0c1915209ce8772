/*
 * A gRPC service, helloworld.Greeter, whose messages are packed and unpacked by protobuf-c. protoc-c makes helloworld.pb-c.c of
 * helloworld.proto. Start it with `build/greeter_protobuf_c` (or `build/greeter_protobuf_c 127.0.0.1:9000`), then ask it with any
 * client of gRPC, as by
 *
 *     grpcurl -plaintext -proto helloworld.proto -d '{"name": "you"}' localhost:50051 helloworld.Greeter/SayHello
 *
 * End it with Ctrl-C.
 */
#include <forker.h>

#include <stdio.h>
#include <string.h>

#include "helloworld.pb-c.h"

enum { NAME_MOST = 100, GREETINGS = 3, INVALID_ARGUMENT = 3 };

/* Unpacks the client's message, which the caller frees. NULL: it is malformed, and the call has failed. */
static Helloworld__HelloRequest *unpack(forker_request *req) {
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    Helloworld__HelloRequest *request = helloworld__hello_request__unpack(NULL, len, message);
    if (request != NULL && strlen(request->name) <= NAME_MOST) {
        return request;
    }
    helloworld__hello_request__free_unpacked(request, NULL);
    forker_grpc_fail(req, INVALID_ARGUMENT, "this is no HelloRequest, or its name has more than 100 bytes");
    return NULL;
}

/* The reply is packed where it is sent from. */
static int say_hello(forker_request *req, void *user) {
    char text[NAME_MOST + 10];
    Helloworld__HelloRequest *request = unpack(req);
    Helloworld__HelloReply reply = HELLOWORLD__HELLO_REPLY__INIT;
    (void)user;
    if (request == NULL) {
        return FORKER_OK;
    }
    snprintf(text, sizeof text, "Hello %s", request->name);
    helloworld__hello_request__free_unpacked(request, NULL);
    reply.message = text;
    size_t len = helloworld__hello_reply__get_packed_size(&reply);
    uint8_t *room = forker_grpc_reserve(req, len);
    if (room == NULL) {
        return FORKER_E_MEMORY;
    }
    helloworld__hello_reply__pack(&reply, room);
    return forker_grpc_commit(req, len);
}

/* Several replies go out through a handle. */
static int say_hello_stream(forker_request *req, void *user) {
    char text[NAME_MOST + 20];
    uint8_t packed[sizeof text + 10];
    forker_deferred handle;
    Helloworld__HelloRequest *request = unpack(req);
    (void)user;
    if (request == NULL) {
        return FORKER_OK;
    }
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        helloworld__hello_request__free_unpacked(request, NULL);
        return FORKER_E_MEMORY;
    }
    for (int i = 1; i <= GREETINGS; i++) {
        Helloworld__HelloReply reply = HELLOWORLD__HELLO_REPLY__INIT;
        snprintf(text, sizeof text, "Hello %s, %d", request->name, i);
        reply.message = text;
        forker_grpc_send(handle, packed, helloworld__hello_reply__pack(&reply, packed));
    }
    helloworld__hello_request__free_unpacked(request, NULL);
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
