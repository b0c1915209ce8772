/*
 * A gRPC service, helloworld.Greeter, with protobuf's own C++. protoc makes helloworld.pb.cc of helloworld.proto, which has the
 * descriptors too: so clients can ask by reflection what there is, and need no .proto. Start it with `build/greeter_cpp` (or
 * `build/greeter_cpp 127.0.0.1:9000`), then ask it with any client of gRPC, as by
 *
 *     grpcurl -plaintext -d '{"name": "you"}' localhost:50051 helloworld.Greeter/SayHello
 *
 * End it with Ctrl-C.
 */
#include <forker.hpp>

#include <iostream>

#include <google/protobuf/descriptor.pb.h>

#include "helloworld.pb.h"

using helloworld::HelloReply;
using helloworld::HelloRequest;

enum { GREETINGS = 3, INVALID_ARGUMENT = 3 };

/* Unpacks the client's message. false: it is malformed, and the call has failed. */
static bool unpack(forker::Request &req, HelloRequest &request) {
    std::string_view message = req.grpc_message().value_or("");
    if (request.ParseFromArray(message.data(), static_cast<int>(message.size())))
        return true;
    req.grpc_fail(INVALID_ARGUMENT, "this is no HelloRequest");
    return false;
}

static std::string pack(const std::string &text) {
    HelloReply reply;
    reply.set_message(text);
    return reply.SerializeAsString();
}

static int say_hello(forker::Request &req) {
    HelloRequest request;
    return unpack(req, request) ? req.grpc_reply(pack("Hello " + request.name())) : FORKER_OK;
}

/* Several replies go out through a handle. */
static int say_hello_stream(forker::Request &req) {
    HelloRequest request;
    if (!unpack(req, request))
        return FORKER_OK;
    forker::Deferred handle = req.defer();
    for (int i = 1; i <= GREETINGS; i++) {
        std::string message = pack("Hello " + request.name() + ", " + std::to_string(i));
        forker_grpc_send(handle.get(), message.data(), message.size());
    }
    forker_grpc_finish(handle.release(), 0, nullptr);
    return FORKER_DEFERRED;
}

int main(int argc, char **argv) {
    try {
        forker::Server server;
        google::protobuf::FileDescriptorSet files;
        HelloRequest::descriptor()->file()->CopyTo(files.add_file());
        std::string descriptors = files.SerializeAsString();
        forker_server_grpc_descriptors(server.get(), descriptors.data(), descriptors.size());

        server.set("h2c", "on");
        server.grpc("/helloworld.Greeter/SayHello", FORKER_GRPC_UNARY, say_hello);
        server.grpc("/helloworld.Greeter/SayHelloStreamReply", FORKER_GRPC_SERVER_STREAM, say_hello_stream);
        server.listen(argc > 1 ? argv[1] : ":50051");
        server.run();
    } catch (const std::exception &thrown) {
        std::cerr << argv[0] << ": " << thrown.what() << '\n';
        return 1;
    }
    return 0;
}
