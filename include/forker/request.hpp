/* One request and the response to it: "request" and "response" of forker.h, and the calls of gRPC. */
#ifndef FORKER_REQUEST_HPP
#define FORKER_REQUEST_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "deferred.hpp"
#include "error.hpp"
#include "kept.hpp"
#include "value.hpp"

namespace forker {

namespace detail {

inline std::optional<std::string_view> maybe(const void *text, std::size_t len) {
    return text != nullptr ? std::optional(std::string_view(static_cast<const char *>(text), len)) : std::nullopt;
}

inline std::string_view text(const void *text, std::size_t len) { return maybe(text, len).value_or(""); }

} // namespace detail

/* Names and values. */
using Pairs = std::vector<std::pair<std::string_view, std::string_view>>;

/* One request and the response to it. Valid as long as the C object: not after its handler has returned. */
class Request {
  public:
    explicit Request(forker_request *req) noexcept : req_(req) {}
    forker_request *get() const noexcept { return req_; }

    std::string_view method() const { return whole(forker_request_method); }
    std::string_view target() const { return whole(forker_request_target); }
    std::string_view host() const { return whole(forker_request_host); }
    std::string_view path() const { return whole(forker_request_path); }
    std::string_view query() const { return whole(forker_request_query); }
    std::string_view peer() const { return whole(forker_request_peer); }
    std::string_view local() const { return whole(forker_request_local); }
    std::string_view client() const { return whole(forker_request_client); }
    std::string_view scheme() const { return whole(forker_request_scheme); }
    std::string_view id() const { return whole(forker_request_id); }
    /* A token for the pages of the response, see forker_request_csrf_token(). */
    std::string_view csrf_token() {
        const char *token = forker_request_csrf_token(req_);
        if (token == nullptr)
            throw Error(FORKER_E_STATE, forker_request_error(req_));
        return token;
    }
    std::string_view user() const { return whole(forker_request_user); }
    std::string_view body() const { return whole(forker_request_body); }
    int version() const noexcept { return forker_request_version(req_); }
    bool cancelled() const noexcept { return forker_request_cancelled(req_) == 1; }
    bool draining() const noexcept { return forker_request_draining(req_) != 0; }
    std::int32_t worker() const noexcept { return forker_request_worker(req_); }
    forker_server *server() const noexcept { return forker_request_server(req_); }

    std::optional<std::string_view> header(const char *name) const { return named(forker_request_header, name); }
    std::optional<std::string_view> trailer(const char *name) const { return named(forker_request_trailer, name); }
    std::optional<std::string_view> cookie(const char *name) const { return named(forker_request_cookie, name); }
    std::optional<std::string_view> query(const char *name) const { return named(forker_request_query_param, name); }
    std::optional<std::string_view> tls(int what) const {
        std::size_t len = 0;
        const char *text = forker_request_tls(req_, what, &len);
        return detail::maybe(text, len);
    }

    /* A parameter of the route's pattern; "" if it has none of that name. */
    std::string_view param(const char *name) const { return named(forker_request_param, name).value_or(""); }

    /* All of a kind, in the order they came; those of a query decoded. */
    Pairs headers() const { return fields(forker_request_header_count, forker_request_header_at); }
    Pairs trailers() const { return fields(forker_request_trailer_count, forker_request_trailer_at); }
    Pairs queries() const { return pairs(forker_request_query_at); }

    /* A file with exactly the body, which stays the library's; nullopt: the body is in memory only. */
    std::optional<int> body_fd() const noexcept {
        int fd = forker_request_body_fd(req_);
        return fd >= 0 ? std::optional(fd) : std::nullopt;
    }

    /* What the client has sent, checked; throws HttpError 400 with a sentence for the client. `from` is FORKER_FROM_*. */
    std::int64_t arg_int(int from, const char *name, std::int64_t least, std::int64_t most, std::int64_t fallback) {
        std::int64_t value = 0;
        check_arg(forker_arg_int(req_, from, name, least, most, fallback, &value));
        return value;
    }
    double arg_double(int from, const char *name, double least, double most, double fallback) {
        double value = 0;
        check_arg(forker_arg_double(req_, from, name, least, most, fallback, &value));
        return value;
    }
    bool arg_bool(int from, const char *name, bool fallback) {
        int value = 0;
        check_arg(forker_arg_bool(req_, from, name, fallback ? 1 : 0, &value));
        return value != 0;
    }
    using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;
    Time arg_time(int from, const char *name, Time first, Time last, Time fallback) {
        std::int64_t value = 0;
        check_arg(forker_arg_time(req_, from, name, first.time_since_epoch().count(), last.time_since_epoch().count(),
                                  fallback.time_since_epoch().count(), &value));
        return Time(std::chrono::milliseconds(value));
    }
    int arg_choice(int from, const char *name, const char *words, int fallback) {
        int value = 0;
        check_arg(forker_arg_choice(req_, from, name, words, fallback, &value));
        return value;
    }

    /* Of the form that is the body, a field or a file. A form that cannot be read throws HttpError 400 or 413. */
    std::optional<std::string_view> form(const char *name, std::size_t index = 0) {
        read_form();
        std::size_t len = 0;
        const char *value = forker_form_value(req_, name, index, &len);
        return detail::maybe(value, len);
    }
    std::optional<forker_file> form_file(const char *name, std::size_t index = 0) {
        read_form();
        forker_file file = {};
        file.size = sizeof file;
        return forker_form_file(req_, name, index, &file) == FORKER_OK ? std::optional(file) : std::nullopt;
    }
    Pairs form_fields() {
        read_form();
        return pairs(forker_form_at);
    }
    std::vector<forker_file> form_files() {
        std::vector<forker_file> all;
        while (auto file = form_file(nullptr, all.size()))
            all.push_back(*file);
        return all;
    }

    /* A value for functions that see the request later; nullptr if there is none. */
    template <typename T> T &set(const Slot<T> &slot, T value) {
        auto kept = std::make_unique<T>(std::move(value));
        check(forker_request_set(req_, slot.get(), kept.get()));
        return *kept.release();
    }
    template <typename T> T *get(const Slot<T> &slot) const noexcept {
        return static_cast<T *>(forker_request_get(req_, slot.get()));
    }

    /* Answers. Each returns FORKER_OK, so that a handler can end with `return req.respond(...)`. */
    int respond(int status, const std::string &content_type, std::string_view body) {
        return check(forker_respond(req_, status, content_type.empty() ? nullptr : content_type.c_str(), body.data(),
                                    body.size()));
    }
    int text(std::string_view body, int status = 200) { return respond(status, "text/plain; charset=utf-8", body); }
    int html(std::string_view body, int status = 200) { return respond(status, "text/html; charset=utf-8", body); }
    int json(std::string_view body, int status = 200) { return respond(status, "application/json", body); }
    int error(int status, const std::string &detail = "") {
        return check(forker_respond_error(req_, status, detail.c_str()));
    }
    int redirect(const std::string &location, int status = 303) {
        return check(forker_respond_redirect(req_, status, location.c_str()));
    }
    /* With status 200 the client gets what it wants of the file: see forker_respond_file(). */
    int file(const std::string &path, const std::string &content_type, int status = 200) {
        return check(
            forker_respond_file(req_, status, content_type.empty() ? nullptr : content_type.c_str(), path.c_str()));
    }
    int respond(const Response &response) {
        for (const auto &[name, value] : response.fields)
            add_header(name, value);
        return respond(response.status, response.content_type, response.body);
    }

    /* The parts of a response. */
    Request &status(int status) { return done(forker_response_status(req_, status)); }
    Request &set_header(const std::string &name, const std::string &value) {
        return done(forker_response_header_set(req_, name.c_str(), value.c_str()));
    }
    Request &add_header(const std::string &name, const std::string &value) {
        return done(forker_response_header_add(req_, name.c_str(), value.c_str()));
    }
    Request &write(std::string_view data) { return done(forker_response_write(req_, data.data(), data.size())); }
    /* Bytes that are not copied, and must not change until release() has been called, see forker_response_lend(). */
    template <typename F> Request &lend(std::string_view data, F release) {
        auto kept = std::make_unique<detail::KeptFunction<F>>(server(), std::move(release));
        check(forker_response_lend(
            req_, data.data(), data.size(),
            [](void *user) {
                std::unique_ptr<detail::KeptFunction<F>> whole(static_cast<detail::KeptFunction<F> *>(user));
                (void)detail::guard(whole->server, "a release function", FORKER_OK, [&] { whole->fn(); });
            },
            kept.get()));
        (void)kept.release();
        return *this;
    }
    Request &lend_static(std::string_view data) {
        return done(forker_response_lend(req_, data.data(), data.size(), nullptr, nullptr));
    }
    /* Bytes of a regular file, sent without a copy; length -1: up to its end. The descriptor stays the program's. */
    Request &append_file(int fd, std::int64_t offset = 0, std::int64_t length = -1) {
        return done(forker_response_file(req_, fd, offset, length));
    }
    Request &reset() { return done(forker_response_reset(req_)); }
    Request &length(std::int64_t length) { return done(forker_response_length(req_, length)); }
    Request &attachment(const std::string &filename, bool in_page = false) {
        return done(forker_response_attachment(req_, filename.empty() ? nullptr : filename.c_str(), in_page ? 1 : 0));
    }
    Request &set_cookie(const Cookie &cookie) {
        forker_cookie c = {};
        c.size = sizeof c;
        c.flags = cookie.flags;
        c.same_site = cookie.same_site;
        c.max_age = cookie.max_age;
        c.name = cookie.name.c_str();
        c.value = cookie.value.c_str();
        c.domain = cookie.domain.empty() ? nullptr : cookie.domain.c_str();
        c.path = cookie.path.empty() ? nullptr : cookie.path.c_str();
        return done(forker_response_cookie(req_, &c));
    }
    Request &interim(int status, const std::string &name, const std::string &value) {
        return done(forker_respond_interim(req_, status, name.c_str(), value.c_str()));
    }

    /*
     * Has fn(Request &, int status) see the head before it is sent, see forker_request_on_head(). It is released when the
     * request has ended, also if it was not called. Of a request that a forker::Server has received.
     */
    template <typename F> Request &on_head(F fn) {
        detail::KeptFunction<F> *kept = keep(std::make_unique<detail::KeptFunction<F>>(server(), std::move(fn)));
        return done(forker_request_on_head(
            req_,
            [](forker_request *req, int status, void *user) {
                Request request(req);
                auto *whole = static_cast<detail::KeptFunction<F> *>(user);
                (void)detail::guard(whole->server, "an on_head function", FORKER_OK,
                                    [&] { whole->fn(request, status); });
            },
            kept));
    }

    /* Takes the connection over; the handler returns FORKER_OK then. */
    Hijacked hijack() {
        int fd = -1;
        const char *data = nullptr;
        std::size_t len = 0;
        check(forker_request_hijack(req_, &fd, &data, &len));
        return Hijacked{Descriptor(fd), std::string_view(data, len)};
    }

    /* The handler returns FORKER_DEFERRED then. */
    Deferred defer() {
        forker_deferred handle = 0;
        check(forker_request_defer(req_, &handle));
        return Deferred(handle);
    }

    /*
     * Takes the body piece by piece: fn(Request &, std::string_view piece, int last), see forker_request_on_body(). Like the
     * two below it is called by the handler, and gives FORKER_OK for it to return; the function is released after its last
     * call.
     */
    template <typename F> int on_body(F fn) {
        return take<forker_body_fn>(
            forker_request_on_body,
            [](forker_request *req, const void *data, std::size_t len, int last, void *user) {
                return taken<F>(req, user, "on_body", last != 0, [&](F &call, Request &request) {
                    return call(request, detail::text(data, len), last);
                });
            },
            std::move(fn));
    }

    /*
     * Takes a form part by part: fn(Request &, const forker_part *part, std::string_view piece, int last), see
     * forker_request_on_part(). A body of another type throws HttpError 400.
     */
    template <typename F> int on_part(F fn) {
        return take<forker_part_fn>(
            [](forker_request *req, forker_part_fn called, void *user) {
                int code = forker_request_on_part(req, called, user);
                if (code == FORKER_E_INVALID)
                    throw HttpError(400, forker_request_error(req));
                return code;
            },
            [](forker_request *req, const forker_part *part, const void *data, std::size_t len, int last, void *user) {
                return taken<F>(req, user, "on_part", part == nullptr, [&](F &call, Request &request) {
                    return call(request, part, detail::text(data, len), last);
                });
            },
            std::move(fn));
    }

    /* Holds the next call of such a function up until Deferred::resume(); the request has to be deferred. */
    Request &pause() { return done(forker_request_pause(req_)); }

    /*
     * Calls of gRPC. message is that of a method which takes one; on_message has fn(Request &,
     * std::optional<std::string_view> message, int last) called for each of one that takes many, see
     * forker_grpc_on_message(). A handler ends a call by returning what grpc_reply or grpc_fail gives, the message itself as
     * text, or throwing GrpcError.
     */
    std::optional<std::string_view> grpc_message() const {
        std::size_t len = 0;
        const void *message = forker_grpc_message(req_, &len);
        return detail::maybe(message, len);
    }
    template <typename F> int grpc_on_message(F fn) {
        return take<forker_body_fn>(
            forker_grpc_on_message,
            [](forker_request *req, const void *data, std::size_t len, int last, void *user) {
                return taken<F>(req, user, "on_message", last != 0, [&](F &call, Request &request) {
                    return call(request, detail::maybe(data, len), last);
                });
            },
            std::move(fn));
    }
    int grpc_reply(std::string_view message) { return check(forker_grpc_reply(req_, message.data(), message.size())); }
    int grpc_fail(int code, const std::string &text = "") {
        return check(forker_grpc_fail(req_, code, text.empty() ? nullptr : text.c_str()));
    }

    /* Room for a message that is packed where it will be sent from; commit replies with the first bytes of it. */
    void *grpc_reserve(std::size_t len) {
        void *room = forker_grpc_reserve(req_, len);
        if (room == nullptr)
            throw Error(FORKER_E_STATE, forker_request_error(req_));
        return room;
    }
    int grpc_commit(std::size_t len) { return check(forker_grpc_commit(req_, len)); }

    /* A packed google.rpc.Status along with a status; metadata, of which names ending with "-bin" have bytes. */
    Request &grpc_details(std::string_view status) {
        return done(forker_grpc_details(req_, status.data(), status.size()));
    }
    /* Whether what is sent from now on is compressed: true, false, or -1, as option grpc_compress says. */
    Request &grpc_compress(int on = 1) { return done(forker_grpc_compress(req_, on)); }
    /* Whether the message came compressed; in on_message, the one that it is called with. */
    bool grpc_compressed() const noexcept { return forker_grpc_compressed(req_) != 0; }
    std::optional<std::string_view> grpc_metadata(const char *name) const {
        std::size_t len = 0;
        const void *value = forker_grpc_metadata(req_, name, &len);
        return detail::maybe(value, len);
    }
    Request &grpc_add_metadata(const std::string &name, std::string_view value) {
        return done(forker_grpc_metadata_add(req_, name.c_str(), value.data(), value.size()));
    }
    Request &grpc_add_trailer(const std::string &name, std::string_view value) {
        return done(forker_grpc_trailer_add(req_, name.c_str(), value.data(), value.size()));
    }

    /* How long the client still waits: zero: not any more; nanoseconds::max(): it has set no deadline. */
    std::chrono::nanoseconds grpc_remaining() const noexcept {
        return std::chrono::nanoseconds(forker_grpc_remaining(req_));
    }

    /*
     * Calls a function about this request, whose exceptions end here: HttpError and GrpcError are answered, any other one,
     * and one of these that cannot be, is a logged 500. What it returns is a code, or what is answered: text or a Response.
     * One that returns nothing gives `fine`.
     */
    template <typename Call> int call(const char *where, int fine, Call fn) noexcept {
        forker_server *server = forker_request_server(req_);
        return detail::guard(server, where, fine, [&]() -> int {
            using Result = std::invoke_result_t<Call>;
            static_assert(!std::is_same_v<Result, bool>, "a handler returns a code, text, a Response or nothing");
            try {
                if constexpr (std::is_void_v<Result>) {
                    fn();
                    return fine;
                } else if constexpr (std::is_same_v<std::decay_t<Result>, Response>) {
                    return respond(fn());
                } else if constexpr (std::is_convertible_v<Result, std::string_view>) {
                    return text(fn());
                } else {
                    return static_cast<int>(fn());
                }
            } catch (const HttpError &thrown) {
                if (forker_respond_error(req_, thrown.status(), thrown.what()) != FORKER_OK)
                    throw; /* which is logged: it is not lost where it cannot be the answer */
            } catch (const GrpcError &thrown) {
                if (forker_grpc_fail(req_, thrown.code(), thrown.what()) != FORKER_OK)
                    throw;
            }
            return FORKER_OK;
        });
    }

  private:
    int check(int code) const { return code < 0 ? detail::check(code, forker_request_error(req_)) : code; }
    Request &done(int code) {
        check(code);
        return *this;
    }
    void read_form() const {
        int code = forker_request_form(req_);
        if (code == FORKER_E_INVALID || code == FORKER_E_LIMIT)
            throw HttpError(code == FORKER_E_LIMIT ? 413 : 400, forker_request_error(req_));
        check(code);
    }
    void check_arg(int code) const {
        if (code == FORKER_E_INVALID)
            throw HttpError(400, forker_request_error(req_));
        check(code);
    }
    template <typename Result> std::string_view whole(const Result *(*read)(forker_request *, std::size_t *)) const {
        std::size_t len = 0;
        const Result *data = read(req_, &len);
        return detail::text(data, len);
    }
    std::optional<std::string_view> named(const char *(*read)(forker_request *, const char *, std::size_t *),
                                          const char *name) const {
        std::size_t len = 0;
        const char *value = read(req_, name, &len);
        return detail::maybe(value, len);
    }

    Pairs fields(std::size_t (*count)(forker_request *),
                 int (*at)(forker_request *, std::size_t, const char **, const char **)) const {
        Pairs all;
        const char *name = nullptr, *value = nullptr;
        for (std::size_t i = 0; i < count(req_); i++) {
            check(at(req_, i, &name, &value));
            all.emplace_back(name, value);
        }
        return all;
    }
    Pairs pairs(int (*at)(forker_request *, std::size_t, const char **, const char **, std::size_t *)) const {
        Pairs all;
        const char *name = nullptr, *value = nullptr;
        std::size_t len = 0;
        while (at(req_, all.size(), &name, &value, &len) == FORKER_OK)
            all.emplace_back(name, std::string_view(value, len));
        return all;
    }

    /* Keeps something until the request has ended. */
    template <typename T> T *keep(std::unique_ptr<T> object) {
        auto *all = static_cast<detail::KeptList *>(forker_request_get(req_, detail::kept_slot));
        if (all == nullptr) {
            auto made = std::make_unique<detail::KeptList>();
            check(forker_request_set(req_, detail::kept_slot, made.get()));
            all = made.release();
        }
        T *raw = object.get();
        all->push_back(std::move(object));
        return raw;
    }

    /* Has C call `called` with a function, which it then owns. */
    template <typename Called, typename Ask, typename F> int take(Ask ask, Called called, F fn) {
        auto kept = std::make_unique<detail::KeptFunction<F>>(server(), std::move(fn));
        check(ask(req_, called, kept.get()));
        (void)kept.release();
        return FORKER_OK;
    }
    template <typename F, typename Call>
    static int taken(forker_request *req, void *user, const char *where, bool over, Call call) noexcept {
        std::unique_ptr<detail::KeptFunction<F>> kept(static_cast<detail::KeptFunction<F> *>(user));
        Request request(req);
        int result = request.call(where, FORKER_OK, [&] { return call(kept->fn, request); });
        if (!over)
            (void)kept.release();
        return result;
    }

    forker_request *req_;
};

inline Request Deferred::request() const { return Request(live()); }

inline bool Deferred::respond(const Response &response) {
    Request req = request();
    for (const auto &[name, value] : response.fields)
        req.add_header(name, value);
    return respond(response.status, response.content_type, response.body);
}

namespace detail {

template <typename F> int call_handler(forker_request *req, void *user) noexcept {
    auto *kept = static_cast<KeptFunction<F> *>(user);
    Request request(req);
    return request.call("a handler", FORKER_OK, [&]() -> decltype(auto) { return kept->fn(request); });
}

/* The same of a gRPC method: text that it returns is its message. */
template <typename F> int call_method(forker_request *req, void *user) noexcept {
    auto *kept = static_cast<KeptFunction<F> *>(user);
    Request request(req);
    return request.call("a handler", FORKER_OK, [&]() {
        using Result = std::invoke_result_t<F &, Request &>;
        if constexpr (std::is_convertible_v<Result, std::string_view>) {
            return request.grpc_reply(kept->fn(request));
        } else {
            return kept->fn(request);
        }
    });
}

} // namespace detail

} // namespace forker

#endif /* FORKER_REQUEST_HPP */
