/*
 * connectrpc.conformance.v1.ConformanceService, which connectconformance asks: it reads a ServerCompatRequest from stdin, serves as
 * that says, and writes a ServerCompatResponse to stdout. Each call has a thread, which waits where the suite wants to be waited for.
 */
#include <forker.h>

#include <arpa/inet.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "connectrpc/conformance/v1/server_compat.pb.h"
#include "connectrpc/conformance/v1/service.pb.h"

namespace pb = connectrpc::conformance::v1;

using Headers = google::protobuf::RepeatedPtrField<pb::Header>;
using Info = pb::ConformancePayload::RequestInfo;

static const char service[] = "/connectrpc.conformance.v1.ConformanceService/";

/* ------------------------------------------------------------------------------------------------------------ a call */

/* One call: what its client sends, and the handle through which it is answered, which is used up by its thread. */
struct Call {
    forker_deferred handle = 0;
    Info info; /* headers and time */

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::string> messages;
    bool ended = false;

    forker_request *req()
    {
        return forker_deferred_request(handle);
    }

    void push(std::string message)
    {
        std::lock_guard<std::mutex> lock(mutex);
        messages.push_back(std::move(message));
        changed.notify_one();
    }

    void end()
    {
        std::lock_guard<std::mutex> lock(mutex);
        ended = true;
        changed.notify_one();
    }

    /* The next message of the client; nothing: there is none any more. */
    std::optional<std::string> receive()
    {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [this] { return ended || !messages.empty(); });
        if (messages.empty())
            return std::nullopt;
        std::string message = std::move(messages.front());
        messages.pop_front();
        return message;
    }

    void send(const google::protobuf::Message &message)
    {
        std::string packed = message.SerializeAsString();
        while (forker_grpc_send(handle, packed.data(), packed.size()) == FORKER_E_AGAIN)
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }

    void finish()
    {
        forker_grpc_finish(handle, 0, nullptr);
    }

    /* The fields of an Error are those of a google.rpc.Status. */
    void fail(const pb::Error &error)
    {
        std::string packed = error.SerializeAsString();
        forker_grpc_details(req(), packed.data(), packed.size());
        forker_grpc_finish(handle, error.code(), error.has_message() ? error.message().c_str() : nullptr);
    }
};

/* What base64 stands for, which values of metadata are in whose name ends with "-bin". */
static std::string decode(const std::string &text)
{
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string bytes;
    unsigned value = 0;
    int bits = 0;
    for (char c : text) {
        size_t digit = digits.find(c);
        if (digit == std::string::npos)
            break;
        value = value << 6 | static_cast<unsigned>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes.push_back(static_cast<char>(value >> bits & 0xff));
        }
    }
    return bytes;
}

static void add(const Headers &headers, const std::function<int(const char *, const std::string &)> &one)
{
    for (const pb::Header &header : headers) {
        const std::string &name = header.name();
        bool binary = name.size() > 4 && name.compare(name.size() - 4, 4, "-bin") == 0;
        for (const std::string &value : header.value())
            one(name.c_str(), binary ? decode(value) : value);
    }
}

/* Adds the metadata that a definition has. */
template <typename Definition> static void add_metadata(Call &call, const Definition &definition)
{
    add(definition.response_headers(), [&](const char *name, const std::string &value) {
        return forker_grpc_metadata_add(call.req(), name, value.data(), value.size());
    });
    add(definition.response_trailers(), [&](const char *name, const std::string &value) {
        return forker_grpc_trailer_add(call.req(), name, value.data(), value.size());
    });
    forker_grpc_begin(call.handle);
}

template <typename Definition> static void wait(const Definition &definition)
{
    std::this_thread::sleep_for(std::chrono::milliseconds(definition.response_delay_ms()));
}

static Info info_of(forker_request *req)
{
    Info info;
    for (size_t i = 0; i < forker_request_header_count(req); i++) {
        const char *name, *value;
        forker_request_header_at(req, i, &name, &value);
        pb::Header *header = nullptr;
        for (pb::Header &other : *info.mutable_request_headers())
            header = other.name() == name ? &other : header;
        if (header == nullptr)
            (header = info.add_request_headers())->set_name(name);
        header->add_value(value);
    }
    int64_t left = forker_grpc_remaining(req);
    if (left != INT64_MAX)
        info.set_timeout_ms(left / 1000000);
    return info;
}

/* ------------------------------------------------------------------------------------------------------- the methods */

/* Ends a call that has one reply as its definition says. */
template <typename Response> static void reply(Call &call, const pb::UnaryResponseDefinition *definition)
{
    Response response;
    if (definition != nullptr) {
        add_metadata(call, *definition);
        wait(*definition);
        if (definition->has_error()) {
            pb::Error error = definition->error();
            error.add_details()->PackFrom(call.info);
            call.fail(error);
            return;
        }
        response.mutable_payload()->set_data(definition->response_data());
    }
    *response.mutable_payload()->mutable_request_info() = call.info;
    call.send(response);
    call.finish();
}

template <typename Request, typename Response> static void unary(Call &call)
{
    Request request;
    request.ParseFromString(call.receive().value_or(""));
    call.info.add_requests()->PackFrom(request);
    reply<Response>(call, request.has_response_definition() ? &request.response_definition() : nullptr);
}

static void client_stream(Call &call)
{
    std::optional<pb::UnaryResponseDefinition> definition;
    bool first = true;
    while (std::optional<std::string> message = call.receive()) {
        pb::ClientStreamRequest request;
        request.ParseFromString(*message);
        if (first && request.has_response_definition())
            definition = request.response_definition();
        first = false;
        call.info.add_requests()->PackFrom(request);
    }
    reply<pb::ClientStreamResponse>(call, definition.has_value() ? &*definition : nullptr);
}

/* Sends the responses from number `next` on, the first of all with what is known of the request, and ends the call. */
template <typename Response> static void send_rest(Call &call, const pb::StreamResponseDefinition &definition, int next)
{
    for (; next < definition.response_data_size(); next++) {
        Response response;
        response.mutable_payload()->set_data(definition.response_data(next));
        if (next == 0)
            *response.mutable_payload()->mutable_request_info() = call.info;
        wait(definition);
        call.send(response);
    }
    if (!definition.has_error()) {
        call.finish();
        return;
    }
    pb::Error error = definition.error();
    if (next == 0)
        error.add_details()->PackFrom(call.info);
    call.fail(error);
}

static void server_stream(Call &call)
{
    pb::ServerStreamRequest request;
    request.ParseFromString(call.receive().value_or(""));
    call.info.add_requests()->PackFrom(request);
    add_metadata(call, request.response_definition());
    send_rest<pb::ServerStreamResponse>(call, request.response_definition(), 0);
}

static void bidi_stream(Call &call)
{
    pb::StreamResponseDefinition definition;
    bool first = true, full_duplex = false;
    int next = 0;
    while (std::optional<std::string> message = call.receive()) {
        pb::BidiStreamRequest request;
        request.ParseFromString(*message);
        if (first) {
            definition = request.response_definition();
            full_duplex = request.full_duplex();
            add_metadata(call, definition);
        }
        first = false;
        call.info.add_requests()->PackFrom(request);
        if (!full_duplex)
            continue;
        if (next >= definition.response_data_size())
            break;
        pb::BidiStreamResponse response;
        response.mutable_payload()->set_data(definition.response_data(next));
        *response.mutable_payload()->mutable_request_info() = call.info;
        call.info = Info(); /* later ones tell only what is new */
        wait(definition);
        call.send(response);
        next++;
    }
    send_rest<pb::BidiStreamResponse>(call, definition, next);
}

/* ---------------------------------------------------------------------------------------------------------- handlers */

/* The call belongs to its thread, and to on_message until the last message has come. */
using Shared = std::shared_ptr<Call>;

static Shared begin(forker_request *req)
{
    Shared call = std::make_shared<Call>();
    call->info = info_of(req);
    return forker_request_defer(req, &call->handle) == FORKER_OK ? call : nullptr;
}

static void run(Shared call, void (*method)(Call &))
{
    std::thread([call, method] { method(*call); }).detach();
}

static int on_call(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    Shared call = begin(req);
    if (call == nullptr)
        return FORKER_E_MEMORY;
    call->push(std::string(static_cast<const char *>(message), len));
    call->end();
    run(call, reinterpret_cast<void (*)(Call &)>(user));
    return FORKER_DEFERRED;
}

static int on_message(forker_request *, const void *data, size_t len, int last, void *user)
{
    Shared *call = static_cast<Shared *>(user);
    if (last == 0) {
        (*call)->push(std::string(static_cast<const char *>(data), len));
        return FORKER_OK;
    }
    (*call)->end();
    delete call;
    return FORKER_OK;
}

static int on_stream(forker_request *req, void *user)
{
    Shared call = begin(req);
    if (call == nullptr || forker_grpc_on_message(req, on_message, new Shared(call)) != FORKER_OK)
        return FORKER_E_MEMORY;
    run(call, reinterpret_cast<void (*)(Call &)>(user));
    return FORKER_DEFERRED;
}

/* -------------------------------------------------------------------------------------------------------- the server */

static void add_method(forker_server *server, const char *name, int kind, void (*method)(Call &))
{
    bool single = kind == FORKER_GRPC_UNARY || kind == FORKER_GRPC_SERVER_STREAM;
    forker_server_grpc(server, (std::string(service) + name).c_str(), kind, single ? on_call : on_stream,
                       reinterpret_cast<void *>(method));
}

static pb::ServerCompatRequest read_config()
{
    uint32_t size;
    pb::ServerCompatRequest config;
    if (fread(&size, sizeof size, 1, stdin) != 1)
        exit(2);
    std::string packed(ntohl(size), '\0');
    if (fread(packed.data(), 1, packed.size(), stdin) != packed.size() || !config.ParseFromString(packed))
        exit(2);
    return config;
}

static void write_result(forker_server *server, const pb::ServerCompatRequest &config)
{
    std::string address = forker_server_address(server, 0);
    pb::ServerCompatResponse response;
    response.set_host("127.0.0.1");
    response.set_port(static_cast<uint32_t>(std::stoul(address.substr(address.rfind(':') + 1))));
    response.set_pem_cert(config.server_creds().cert());
    std::string packed = response.SerializeAsString();
    uint32_t size = htonl(static_cast<uint32_t>(packed.size()));
    fwrite(&size, sizeof size, 1, stdout);
    fwrite(packed.data(), 1, packed.size(), stdout);
    fflush(stdout);
}

/* The address, with what TLS needs. */
static std::string prepare_tls(forker_server *server, const pb::ServerCompatRequest &config)
{
    const pb::TLSCreds &own = config.server_creds();
    forker_server_set(server, "http2", "on");
    forker_server_certificate_pem(server, "own", own.cert().data(), own.cert().size(), own.key().data(),
                                  own.key().size());
    if (config.client_tls_cert().empty())
        return "127.0.0.1:0?tls=on";
    char path[] = "/tmp/forker_clients_XXXXXX";
    int fd = mkstemp(path);
    std::ofstream(path) << config.client_tls_cert();
    close(fd);
    forker_server_client_ca(server, path);
    unlink(path);
    return "127.0.0.1:0?tls=on&client_cert=required";
}

int main()
{
    pb::ServerCompatRequest config = read_config();
    forker_server *server = forker_server_new();
    std::string address = "127.0.0.1:0";
    if (config.use_tls())
        address = prepare_tls(server, config);
    else
        forker_server_set(server, "h2c", "on");
    forker_server_set(server, "workers", "1");
    forker_server_set(server, "grpc_compress", "1");
    if (config.message_receive_limit() > 0)
        forker_server_set(server, "grpc_max_message", std::to_string(config.message_receive_limit()).c_str());
    add_method(server, "Unary", FORKER_GRPC_UNARY, unary<pb::UnaryRequest, pb::UnaryResponse>);
    add_method(server, "IdempotentUnary", FORKER_GRPC_UNARY,
               unary<pb::IdempotentUnaryRequest, pb::IdempotentUnaryResponse>);
    add_method(server, "ServerStream", FORKER_GRPC_SERVER_STREAM, server_stream);
    add_method(server, "ClientStream", FORKER_GRPC_CLIENT_STREAM, client_stream);
    add_method(server, "BidiStream", FORKER_GRPC_BIDI, bidi_stream);
    forker_server_listen(server, address.c_str());
    if (forker_server_address(server, 0) != nullptr)
        write_result(server, config);
    int code = forker_server_run(server);
    if (code != FORKER_OK)
        fprintf(stderr, "%s\n", forker_server_error(server));
    forker_server_free(server);
    return code == FORKER_OK ? 0 : 1;
}
