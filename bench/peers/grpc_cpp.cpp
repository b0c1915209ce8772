/* gRPC C++: one thread on a completion queue, the interface that its documentation calls the fastest. */
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "greeter.grpc.pb.h"

using helloworld::Greeter;
using helloworld::HelloReply;
using helloworld::HelloRequest;

enum { MANY = 100, WAITING = 1000 };

static HelloReply greet(const HelloRequest &request)
{
    HelloReply reply;
    reply.set_message("Hello " + request.name());
    return reply;
}

/* A call; its tag in the queue. */
struct call {
    virtual ~call() = default;
    /* Goes on; false: with something else. */
    virtual void proceed(bool ok) = 0;
};

struct service {
    Greeter::AsyncService methods;
    std::unique_ptr<grpc::ServerCompletionQueue> queue;
};

class unary final : public call {
public:
    explicit unary(service &s) : service_(s), responder_(&context_)
    {
        s.methods.RequestSayHello(&context_, &request_, &responder_, s.queue.get(), s.queue.get(), this);
    }

    void proceed(bool ok) override
    {
        if (!ok || finished_) {
            delete this;
            return;
        }
        new unary(service_); /* for the next one */
        finished_ = true;
        responder_.Finish(greet(request_), grpc::Status::OK, this);
    }

private:
    service &service_;
    grpc::ServerContext context_;
    HelloRequest request_;
    grpc::ServerAsyncResponseWriter<HelloReply> responder_;
    bool finished_ = false;
};

class stream final : public call {
public:
    explicit stream(service &s) : service_(s), writer_(&context_)
    {
        s.methods.RequestSayHelloOften(&context_, &request_, &writer_, s.queue.get(), s.queue.get(), this);
    }

    void proceed(bool ok) override
    {
        if (!ok || finished_) {
            delete this;
            return;
        }
        if (sent_ == 0) {
            new stream(service_);
        }
        if (++sent_ < MANY) {
            writer_.Write(greet(request_), grpc::WriteOptions().set_buffer_hint(), this);
        } else {
            finished_ = true;
            writer_.WriteAndFinish(greet(request_), grpc::WriteOptions(), grpc::Status::OK, this);
        }
    }

private:
    service &service_;
    grpc::ServerContext context_;
    HelloRequest request_;
    grpc::ServerAsyncWriter<HelloReply> writer_;
    int sent_ = 0;
    bool finished_ = false;
};

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    service s;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:" + std::string(argv[1]), grpc::InsecureServerCredentials());
    builder.RegisterService(&s.methods);
    s.queue = builder.AddCompletionQueue();
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    if (server == nullptr) {
        return 1;
    }
    for (int i = 0; i < WAITING; i++) {
        new unary(s);
        new stream(s);
    }
    void *tag;
    bool ok;
    while (s.queue->Next(&tag, &ok)) {
        static_cast<call *>(tag)->proceed(ok);
    }
    return 0;
}
