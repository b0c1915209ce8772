/*
 * A gRPC service, helloworld.Greeter, whose messages are packed and unpacked by hand, because they have one field each. Start it with
 * `build/greeter` (or `build/greeter 127.0.0.1:9000`), then ask it with any client of gRPC that has helloworld.proto:
 *
 *     service Greeter { rpc SayHello (HelloRequest) returns (HelloReply) {} }
 *     message HelloRequest { string name = 1; }
 *     message HelloReply { string message = 1; }
 *
 * as by grpcurl -plaintext -proto helloworld.proto -d '{"name": "you"}' localhost:50051 helloworld.Greeter/SayHello
 *
 * End it with Ctrl-C.
 */
#include <forker.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 100, INVALID_ARGUMENT = 3 };

/* The tag of field 1 if that is a string: the number, and the type of what has a length before it. */
enum { STRING_1 = 1 << 3 | 2 };

/* Finds the string that is field 1, the only one, of a message. NULL: it is not so. */
static const char *unpack(const void *message, size_t len, size_t *len_out) {
    const uint8_t *bytes = message;
    *len_out = 0;
    if (len == 0) {
        return ""; /* a string that is empty is left out */
    }
    if (len < 2 || bytes[0] != STRING_1 || bytes[1] > 0x7f || len != 2 + (size_t)bytes[1]) {
        return NULL; /* lengths above 127 take more than a byte */
    }
    *len_out = bytes[1];
    return (const char *)bytes + 2;
}

static int say_hello(forker_request *req, void *user) {
    static const char greeting[] = "Hello ";
    size_t message_len, len;
    const void *message = forker_grpc_message(req, &message_len);
    const char *name = unpack(message, message_len, &len);
    (void)user;
    if (name == NULL || len > NAME_MOST) {
        return forker_grpc_fail(req, INVALID_ARGUMENT, "the name has more than 100 bytes, or there are other fields");
    }
    size_t text_len = sizeof greeting - 1 + len;
    uint8_t *reply = forker_grpc_reserve(req, 2 + text_len);
    if (reply == NULL) {
        return FORKER_E_MEMORY;
    }
    reply[0] = STRING_1;
    reply[1] = (uint8_t)text_len;
    memcpy(reply + 2, greeting, sizeof greeting - 1);
    memcpy(reply + 2 + sizeof greeting - 1, name, len);
    return forker_grpc_commit(req, 2 + text_len);
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_set(srv, "h2c", "on");
    forker_server_grpc(srv, "/helloworld.Greeter/SayHello", FORKER_GRPC_UNARY, say_hello, NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":50051");
    int code = forker_server_run(srv);
    if (code != FORKER_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], forker_server_error(srv));
    }
    forker_server_free(srv);
    return code == FORKER_OK ? 0 : 1;
}
