/* gRPC C++ by its callbacks, which cost a fraction of what a completion queue with one thread does: grpc_cpp PORT ... */
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "greeter.grpc.pb.h"

using helloworld::Greeter;
using helloworld::HelloReply;
using helloworld::HelloRequest;

enum { MANY = 100 };

static void greet(const HelloRequest &request, HelloReply &reply)
{
    reply.set_message("Hello " + request.name());
}

/* A call that is answered by many messages. */
class stream final : public grpc::ServerWriteReactor<HelloReply> {
  public:
    explicit stream(const HelloRequest &request)
    {
        greet(request, reply_);
        write();
    }

    void OnWriteDone(bool ok) override
    {
        if (ok) {
            write();
        } else {
            Finish(grpc::Status::CANCELLED);
        }
    }

    void OnDone() override
    {
        delete this;
    }

  private:
    void write()
    {
        if (++sent_ < MANY) {
            StartWrite(&reply_);
        } else if (sent_ == MANY) {
            StartWriteAndFinish(&reply_, grpc::WriteOptions(), grpc::Status::OK);
        }
    }

    HelloReply reply_;
    int sent_ = 0;
};

class greeter final : public Greeter::CallbackService {
    grpc::ServerUnaryReactor *SayHello(grpc::CallbackServerContext *context, const HelloRequest *request,
                                       HelloReply *reply) override
    {
        greet(*request, *reply);
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    grpc::ServerWriteReactor<HelloReply> *SayHelloOften(grpc::CallbackServerContext *,
                                                        const HelloRequest *request) override
    {
        return new stream(*request);
    }
};

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    greeter service;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::string(argv[1]), grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr) {
        return 1;
    }
    server->Wait();
    return 0;
}
