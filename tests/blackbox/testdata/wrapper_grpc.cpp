// Methods of gRPC by forker.hpp: wrapper_grpc <address>. Messages are plain text.
#include "wrapper.h"

#include <cstring>
#include <memory>
#include <thread>

namespace {

std::string text_of(std::optional<std::string_view> message)
{
    return std::string(message.value_or("none"));
}

void add_calls(forker::Server &server)
{
    server.grpc("/t.T/Say", FORKER_GRPC_UNARY, [](forker::Request &req) { return text_of(req.grpc_message()); })
        .set("dispatch", "pool");
    server.grpc("/t.T/Pack", FORKER_GRPC_UNARY, [](forker::Request &req) {
        std::memcpy(req.grpc_reserve(10), "packed...", 9);
        return req.grpc_commit(6);
    });
    server.grpc("/t.T/Fail", FORKER_GRPC_UNARY, [](forker::Request &req) -> int {
        req.grpc_details("\x08\x05");
        throw forker::GrpcError(5, text_of(req.grpc_message()));
    });
    server.grpc("/t.T/Throw", FORKER_GRPC_UNARY,
                [](forker::Request &) -> int { throw std::runtime_error("the reason"); });
    server.grpc("/t.T/Refuse", FORKER_GRPC_UNARY, [](forker::Request &req) { return req.grpc_fail(7); });
    server.grpc("/t.T/Twice", FORKER_GRPC_UNARY, [](forker::Request &req) {
        req.grpc_reply("once");
        (void)req.grpc_reserve(1);
    });
    server.grpc("/t.T/Metadata", FORKER_GRPC_UNARY, [](forker::Request &req) {
        req.grpc_add_metadata("x-before", text_of(req.grpc_metadata("x-text")));
        req.grpc_add_trailer("x-behind-bin", text_of(req.grpc_metadata("x-bytes-bin")));
        return text_of(req.grpc_metadata("x-none"));
    });
    server.grpc("/t.T/Zip", FORKER_GRPC_UNARY, [](forker::Request &req) {
        req.grpc_compress(0).grpc_compress();
        return (req.grpc_compressed() ? "z" : "p") + std::string(1000, 'm');
    });
    server.grpc("/t.T/ZipBadly", FORKER_GRPC_UNARY, [](forker::Request &req) -> int {
        req.grpc_compress(7);
        return FORKER_OK;
    });
    server.grpc("/t.T/Remaining", FORKER_GRPC_UNARY, [](forker::Request &req) {
        auto left = req.grpc_remaining();
        return left == std::chrono::nanoseconds::max() ? "no deadline"
               : left > std::chrono::seconds(1)        ? "long"
                                                       : "short";
    });
}

void add_streams(forker::Server &server)
{
    server.grpc("/t.T/Count", FORKER_GRPC_SERVER_STREAM, [](forker::Request &req) {
        std::thread([later = req.defer()]() mutable {
            later.request().grpc_compress();
            later.grpc_begin();
            for (int i = 1; i <= 3; i++) {
                later.request().grpc_compress(i == 2);
                later.grpc_send(std::string(100, static_cast<char>('0' + i)));
            }
            later.grpc_finish(0);
        }).detach();
        return FORKER_DEFERRED;
    });
    server.grpc("/t.T/Join", FORKER_GRPC_CLIENT_STREAM, [](forker::Request &req) {
        return req.grpc_on_message(
            [all = Counted()](forker::Request &late, std::optional<std::string_view> message, int last) mutable -> int {
                if (last == 1) {
                    return late.grpc_reply(all.text);
                }
                all.text += text_of(message) + "|";
                return FORKER_OK;
            });
    });
    server.grpc("/t.T/JoinBadly", FORKER_GRPC_CLIENT_STREAM, [](forker::Request &req) {
        return req.grpc_on_message([kept = Counted()](forker::Request &, std::optional<std::string_view>, int) -> int {
            throw forker::GrpcError(11, "too far");
        });
    });
    server.group("/t.Guarded")
        .use([](forker::Request &req) {
            if (!req.grpc_metadata("x-token")) {
                throw forker::GrpcError(16, "who are you?");
            }
        })
        .grpc("/Say", FORKER_GRPC_UNARY, [](forker::Request &req) { return "guarded " + text_of(req.grpc_message()); });
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    forker::Server server;
    add_calls(server);
    add_streams(server);
    server.grpc_health("", FORKER_HEALTH_SERVING).grpc_descriptors("");
    count_alive(server);
    return run_to_end(server, argv[1]);
}
