/*
 * forker.hpp - forker.h for C++17 and later: header only, over the same C library.
 *
 *     #include <forker.hpp>
 *
 *     int main() {
 *         forker::Server server;
 *         server.get("/", [](forker::Request &) { return "greeting!!!"; });
 *         server.listen(":8080");
 *         server.run();
 *     }
 *
 * What forker.h says of a function holds for what is made of it here: when it may be called, by which thread, and how long
 * text is valid. On top of that:
 *
 *  - Functions that fail throw forker::Error, whose what() is the sentence of the library and whose code() is FORKER_E_*.
 *  - Callbacks are anything that can be called, lambdas with captures too; the server keeps them. No exception leaves one:
 *    forker::HttpError of a handler is answered with its status and text, any other one is written to the log and
 *    answered 500 without it.
 *  - A handler gets a Request & and returns nothing, when it has answered; a result code of forker.h, FORKER_NEXT among them;
 *    or text, which is answered as text/plain; or a Response. A before function that returns nothing goes on.
 *  - Text comes as std::string_view, what may be absent as std::optional; text behind a string_view is valid as long as the
 *    request, and has a NUL behind it. Text goes in as std::string, or a literal, because C wants the NUL.
 *
 * A Server must outlive what was made of it: Group, Route, Slot. The C objects are there for all else: get() of each.
 */
#ifndef FORKER_HPP
#define FORKER_HPP

#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "forker.h"

namespace forker {

/* A call of the library that has failed. */
class Error : public std::runtime_error {
  public:
    Error(int code, const std::string &what) : std::runtime_error(what), code_(code) {}

    /* FORKER_E_* */
    int code() const noexcept { return code_; }

  private:
    int code_;
};

/* Thrown by a handler or before function: the request is answered with this status, and what() as its detail. */
class HttpError : public std::runtime_error {
  public:
    explicit HttpError(int status, const std::string &detail = "") : std::runtime_error(detail), status_(status) {}

    int status() const noexcept { return status_; }

  private:
    int status_;
};

/* A whole response, as a handler can return it. */
struct Response {
    int status = 200;
    std::string body;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<std::pair<std::string, std::string>> fields;
};

/* A cookie, see forker_response_cookie(). */
struct Cookie {
    std::string name;
    std::string value;
    std::int64_t max_age = -1; /* seconds; 0: the client forgets it now; -1: when it is closed */
    std::string path = "/";
    std::string domain;         /* "": this host only */
    std::uint32_t flags = 0;    /* FORKER_COOKIE_* */
    std::int32_t same_site = 0; /* FORKER_SAME_SITE_* */
};

class Request;
class Server;

namespace detail {

inline int check(int code, const char *sentence) {
    if (code < 0)
        throw Error(code, sentence != nullptr && sentence[0] != '\0' ? sentence : forker_strerror(code));
    return code;
}

inline int check(forker_server *server, int code) { return code < 0 ? check(code, forker_server_error(server)) : code; }

inline std::optional<std::string_view> maybe(const char *text, std::size_t len) {
    return text != nullptr ? std::optional<std::string_view>(std::string_view(text, len)) : std::nullopt;
}

inline std::string_view text(const char *text, std::size_t len) {
    return text != nullptr ? std::string_view(text, len) : std::string_view();
}

/* Something that the server keeps because C has a pointer to it. */
struct Kept {
    Kept() = default;
    Kept(const Kept &) = delete;
    Kept &operator=(const Kept &) = delete;
    virtual ~Kept() = default;
};

template <typename F> struct KeptFunction : Kept {
    KeptFunction(forker_server *of, F function) : server(of), fn(std::move(function)) {}
    forker_server *server;
    F fn;
};

template <typename Before, typename Done> struct KeptPair : Kept {
    KeptPair(forker_server *of, Before first, Done second)
        : server(of), before(std::move(first)), done(std::move(second)) {}
    forker_server *server;
    Before before;
    Done done;
};

struct Keeper;

struct KeptTimer : Kept {
    Keeper *keeper = nullptr;
    std::list<std::unique_ptr<KeptTimer>>::iterator place;
    std::int64_t number = 0;
    bool repeats = false, runs = false, ended = false;
};

/* All that a server keeps. Timers come and go while it serves, on any thread. */
struct Keeper {
    std::vector<std::unique_ptr<Kept>> kept;
    std::mutex lock;
    std::list<std::unique_ptr<KeptTimer>> timers;

    template <typename T> T *keep(std::unique_ptr<T> object) {
        T *raw = object.get();
        kept.push_back(std::move(object));
        return raw;
    }

    /* Gives a timer that is called no more, to be released outside of the lock. */
    std::unique_ptr<KeptTimer> take(KeptTimer *timer) {
        std::lock_guard<std::mutex> guard(lock);
        std::unique_ptr<KeptTimer> taken = std::move(*timer->place);
        timers.erase(taken->place);
        return taken;
    }
};

/* Writes what a callback threw to the log. Called while it is caught. */
inline void log_thrown(forker_server *server, const char *where) noexcept {
    try {
        try {
            throw;
        } catch (const std::exception &thrown) {
            forker_server_log(server, FORKER_LOG_ERROR, (std::string(where) + " threw: " + thrown.what()).c_str());
        } catch (...) {
            forker_server_log(server, FORKER_LOG_ERROR,
                              (std::string(where) + " threw something that is no std::exception").c_str());
        }
    } catch (...) { /* no memory for the sentence */
        forker_server_log(server, FORKER_LOG_ERROR, where);
    }
}

/* Calls a function whose exceptions end here. Gives its result as a code; one that returns nothing gives `fine`. */
template <typename Call> int guard(forker_server *server, const char *where, int fine, Call call) noexcept {
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Call>>) {
            call();
            return fine;
        } else {
            return static_cast<int>(call());
        }
    } catch (const std::bad_alloc &) {
        log_thrown(server, where);
        return FORKER_E_MEMORY;
    } catch (...) {
        log_thrown(server, where);
        return FORKER_E_INTERNAL;
    }
}

} // namespace detail

/* A place for a value of type T about a request, see forker_server_slot(). */
template <typename T> class Slot {
  public:
    int get() const noexcept { return number_; }

  private:
    friend class Server;
    explicit Slot(int number) : number_(number) {}
    int number_;
};

/* A request that is answered later, see forker_request_defer(). One that is not used up is dropped by the destructor. */
class Deferred {
  public:
    Deferred() noexcept = default;
    explicit Deferred(forker_deferred handle) noexcept : handle_(handle) {}
    Deferred(Deferred &&other) noexcept : handle_(other.release()) {}
    Deferred &operator=(Deferred &&other) noexcept {
        if (this != &other) {
            drop();
            handle_ = other.release();
        }
        return *this;
    }
    ~Deferred() { drop(); }

    forker_deferred get() const noexcept { return handle_; }
    forker_deferred release() noexcept { return std::exchange(handle_, 0); }

    /* The request, to be read and answered piece by piece. Throws when the handle is used up. */
    Request request() const;

    /* Each of these four uses the handle up. false: the client has left. */
    bool respond(int status, const std::string &content_type, std::string_view body) {
        return use_up(forker_deferred_respond(handle_, status, content_type.empty() ? nullptr : content_type.c_str(),
                                              body.data(), body.size()));
    }
    bool send() { return use_up(forker_deferred_send(handle_)); }
    bool next() { return use_up(forker_deferred_next(handle_)); }
    bool end() { return use_up(forker_stream_end(handle_)); }

    void drop() noexcept {
        if (handle_ != 0)
            forker_deferred_drop(release());
    }

    bool cancelled() const noexcept { return forker_deferred_cancelled(handle_) != 0; }
    void resume() { check(forker_deferred_resume(handle_)); }

    /* A stream. write gives false where there is no room, and when the client has left; write_wait waits for room. */
    void begin(std::int64_t length = -1) { check(forker_stream_begin(handle_, length)); }
    void begin_events() { check(forker_sse_begin(handle_)); }
    bool write(std::string_view data) { return wrote(forker_stream_write(handle_, data.data(), data.size())); }
    bool write_wait(std::string_view data, std::int32_t timeout_ms = -1) {
        return wrote(forker_stream_write_wait(handle_, data.data(), data.size(), timeout_ms));
    }
    bool event(const std::string &data, const std::string &event = "", const std::string &id = "") {
        return wrote(forker_sse_send(handle_, event.empty() ? nullptr : event.c_str(),
                                     id.empty() ? nullptr : id.c_str(), data.c_str()));
    }
    void trailer(const std::string &name, const std::string &value) {
        check(forker_stream_trailer(handle_, name.c_str(), value.c_str()));
    }

  private:
    int check(int code) const {
        char sentence[256] = "";
        if (code < 0)
            (void)forker_deferred_error(handle_, sentence, sizeof sentence);
        return detail::check(code, sentence);
    }
    bool use_up(int code) {
        if (code != FORKER_OK && code != FORKER_E_ABORTED)
            check(code);
        release();
        return code == FORKER_OK;
    }
    bool wrote(int code) const {
        if (code != FORKER_E_AGAIN && code != FORKER_E_ABORTED)
            check(code);
        return code == FORKER_OK;
    }

    forker_deferred handle_ = 0;
};

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
    std::string_view user() const { return whole(forker_request_user); }
    std::string_view body() const { return whole(forker_request_body); }
    int version() const noexcept { return forker_request_version(req_); }
    bool cancelled() const noexcept { return forker_request_cancelled(req_) == 1; }
    bool draining() const noexcept { return forker_request_draining(req_) != 0; }
    std::int32_t worker() const noexcept { return forker_request_worker(req_); }

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

    std::vector<std::pair<std::string_view, std::string_view>> headers() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        const char *name = nullptr, *value = nullptr;
        for (std::size_t i = 0; i < forker_request_header_count(req_); i++) {
            check(forker_request_header_at(req_, i, &name, &value));
            all.emplace_back(name, value);
        }
        return all;
    }
    std::vector<std::pair<std::string_view, std::string_view>> queries() const {
        std::vector<std::pair<std::string_view, std::string_view>> all;
        const char *name = nullptr, *value = nullptr;
        std::size_t len = 0;
        for (std::size_t i = 0; forker_request_query_at(req_, i, &name, &value, &len) == FORKER_OK; i++)
            all.emplace_back(name, std::string_view(value, len));
        return all;
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
     * Has a function see the head before it is sent, see forker_request_on_head(). It has no captures, because nobody would
     * release them if no head is sent: what it needs is in a Slot.
     */
    Request &on_head(void (*fn)(Request &, int status)) {
        return done(forker_request_on_head(
            req_,
            [](forker_request *req, int status, void *user) {
                Request request(req);
                auto call = reinterpret_cast<void (*)(Request &, int)>(user);
                (void)detail::guard(forker_request_server(req), "an on_head function", FORKER_OK,
                                    [&] { call(request, status); });
            },
            reinterpret_cast<void *>(fn)));
    }

    /* The handler returns FORKER_DEFERRED then. */
    Deferred defer() {
        forker_deferred handle = 0;
        check(forker_request_defer(req_, &handle));
        return Deferred(handle);
    }

    /* Takes the body piece by piece: fn(Request &, std::string_view piece, int last), see forker_request_on_body(). */
    template <typename F> int on_body(F fn) {
        using Kept = detail::KeptFunction<F>;
        auto kept = std::make_unique<Kept>(forker_request_server(req_), std::move(fn));
        check(forker_request_on_body(
            req_,
            [](forker_request *req, const void *data, std::size_t len, int last, void *user) {
                std::unique_ptr<Kept> whole(static_cast<Kept *>(user)); /* the last call ends it */
                Request request(req);
                int result = request.call("on_body", FORKER_OK, [&] {
                    return whole->fn(request, std::string_view(static_cast<const char *>(data), len), last);
                });
                if (last == 0)
                    (void)whole.release();
                return result;
            },
            kept.get()));
        (void)kept.release();
        return FORKER_OK;
    }

    /* Calls of gRPC. */
    std::optional<std::string_view> grpc_message() const {
        std::size_t len = 0;
        const void *message = forker_grpc_message(req_, &len);
        return detail::maybe(static_cast<const char *>(message), len);
    }
    int grpc_reply(std::string_view message) { return check(forker_grpc_reply(req_, message.data(), message.size())); }
    int grpc_fail(int code, const std::string &text) { return check(forker_grpc_fail(req_, code, text.c_str())); }

    /*
     * Calls a function about this request, whose exceptions end here: HttpError is answered, any other one is a logged 500.
     * What it returns is a code, or what is answered: text or a Response. One that returns nothing gives `fine`.
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
                return error(thrown.status(), thrown.what());
            }
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
    template <typename Result> std::string_view whole(const Result *(*get)(forker_request *, std::size_t *)) const {
        std::size_t len = 0;
        const Result *text = get(req_, &len);
        return detail::text(text, len);
    }
    std::optional<std::string_view> named(const char *(*get)(forker_request *, const char *, std::size_t *),
                                          const char *name) const {
        std::size_t len = 0;
        const char *text = get(req_, name, &len);
        return detail::maybe(text, len);
    }

    forker_request *req_;
};

inline Request Deferred::request() const {
    forker_request *req = forker_deferred_request(handle_);
    if (req == nullptr)
        throw Error(FORKER_E_ABORTED, "the handle is used up");
    return Request(req);
}

namespace detail {

template <typename F> int call_handler(forker_request *req, void *user) noexcept {
    auto *kept = static_cast<KeptFunction<F> *>(user);
    Request request(req);
    return request.call("a handler", FORKER_OK, [&]() -> decltype(auto) { return kept->fn(request); });
}

} // namespace detail

/* A route, see forker_route_set(). */
class Route {
  public:
    Route(forker_server *server, forker_route *route) noexcept : server_(server), route_(route) {}
    forker_route *get() const noexcept { return route_; }

    Route &set(const std::string &option, const std::string &value) {
        detail::check(server_, forker_route_set(route_, option.c_str(), value.c_str()));
        return *this;
    }
    Route &name(const std::string &name) { return set("name", name); }

  private:
    forker_server *server_;
    forker_route *route_;
};

/* A part of a server, see forker_server_group(). */
class Group {
  public:
    forker_group *get() const noexcept { return group_; }

    template <typename F> Route route(const std::string &methods, const std::string &pattern, F handler) {
        using Kept = detail::KeptFunction<F>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(handler)));
        forker_route *route = nullptr;
        detail::check(server_, forker_group_route(group_, methods.c_str(), pattern.c_str(), detail::call_handler<F>,
                                                  kept, &route));
        return Route(server_, route);
    }
    template <typename F> Route get(const std::string &pattern, F handler) {
        return route("GET", pattern, std::move(handler));
    }
    template <typename F> Route post(const std::string &pattern, F handler) {
        return route("POST", pattern, std::move(handler));
    }
    template <typename F> Route put(const std::string &pattern, F handler) {
        return route("PUT", pattern, std::move(handler));
    }
    template <typename F> Route patch(const std::string &pattern, F handler) {
        return route("PATCH", pattern, std::move(handler));
    }
    template <typename F> Route del(const std::string &pattern, F handler) {
        return route("DELETE", pattern, std::move(handler));
    }

    /* Has before(Request &) called before the handlers, see forker_group_use(). */
    template <typename Before> Group &use(Before before) {
        using Kept = detail::KeptFunction<Before>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(before)));
        detail::check(server_, forker_group_use(group_, call_before<Kept>, nullptr, kept));
        return *this;
    }

    /* And done(Request &, const forker_outcome &) when the request has ended. */
    template <typename Before, typename Done> Group &use(Before before, Done done) {
        using Kept = detail::KeptPair<Before, Done>;
        Kept *kept = keeper_->keep(std::make_unique<Kept>(server_, std::move(before), std::move(done)));
        detail::check(server_, forker_group_use(group_, call_pair<Kept>, call_done<Kept>, kept));
        return *this;
    }

    /* Serves the files of a directory below a prefix, see forker_group_static(). */
    Route directory(const std::string &prefix, const std::string &directory) {
        forker_route *route = nullptr;
        detail::check(server_, forker_group_static(group_, prefix.c_str(), directory.c_str(), &route));
        return Route(server_, route);
    }

    Group group(const std::string &prefix) {
        return Group(keeper_, server_, made(server_, forker_group_group(group_, prefix.c_str())));
    }
    Group &set(const std::string &option, const std::string &value) {
        detail::check(server_, forker_group_set(group_, option.c_str(), value.c_str()));
        return *this;
    }

  private:
    friend class Server;
    Group(detail::Keeper *keeper, forker_server *server, forker_group *group)
        : keeper_(keeper), server_(server), group_(group) {}

    static forker_group *made(forker_server *server, forker_group *group) {
        if (group == nullptr)
            throw Error(FORKER_E_ROUTE, forker_server_error(server));
        return group;
    }
    template <typename Kept> static int call_before(forker_request *req, void *user) noexcept {
        Request request(req);
        return request.call("a before function", FORKER_NEXT,
                            [&]() -> decltype(auto) { return static_cast<Kept *>(user)->fn(request); });
    }
    template <typename Kept> static int call_pair(forker_request *req, void *user) noexcept {
        Request request(req);
        return request.call("a before function", FORKER_NEXT,
                            [&]() -> decltype(auto) { return static_cast<Kept *>(user)->before(request); });
    }
    template <typename Kept>
    static void call_done(forker_request *req, const forker_outcome *outcome, void *user) noexcept {
        Request request(req);
        auto *kept = static_cast<Kept *>(user);
        (void)detail::guard(kept->server, "a done function", FORKER_OK, [&] { kept->done(request, *outcome); });
    }

    detail::Keeper *keeper_;
    forker_server *server_;
    forker_group *group_;
};

/* A server. */
class Server {
  public:
    Server(Server &&) = default;
    Server &operator=(Server &&) = delete;
    Server() : keeper_(std::make_unique<detail::Keeper>()), server_(forker_server_new()) {
        if (!server_)
            throw std::bad_alloc();
    }
    forker_server *get() const noexcept { return server_.get(); }

    Server &set(const std::string &option, const std::string &value) {
        return done(forker_server_set(get(), option.c_str(), value.c_str()));
    }
    Server &load(const std::string &path) { return done(forker_server_load(get(), path.c_str())); }
    std::string option(const std::string &name) const {
        const char *value = forker_server_get(get(), name.c_str());
        return value != nullptr ? value : "";
    }
    Server &listen(const std::string &address) { return done(forker_server_listen(get(), address.c_str())); }
    std::string address(std::size_t index = 0) const {
        const char *address = forker_server_address(get(), index);
        return address != nullptr ? address : "";
    }
    Server &certificate(const std::string &chain_path, const std::string &key_path) {
        return done(forker_server_certificate(get(), chain_path.c_str(), key_path.c_str()));
    }
    Server &client_ca(const std::string &path) { return done(forker_server_client_ca(get(), path.c_str())); }
    Server &rewrite(const std::string &from, const std::string &to) {
        return done(forker_server_rewrite(get(), from.c_str(), to.c_str()));
    }

    /* Routes: handler(Request &). They are those of the group that is the server itself. */
    template <typename F> Route route(const std::string &methods, const std::string &pattern, F handler) {
        return group("").route(methods, pattern, std::move(handler));
    }
    template <typename F> Route get(const std::string &pattern, F handler) {
        return route("GET", pattern, std::move(handler));
    }
    template <typename F> Route post(const std::string &pattern, F handler) {
        return route("POST", pattern, std::move(handler));
    }
    template <typename F> Route put(const std::string &pattern, F handler) {
        return route("PUT", pattern, std::move(handler));
    }
    template <typename F> Route patch(const std::string &pattern, F handler) {
        return route("PATCH", pattern, std::move(handler));
    }
    template <typename F> Route del(const std::string &pattern, F handler) {
        return route("DELETE", pattern, std::move(handler));
    }
    Group group(const std::string &prefix) {
        return Group(keeper_.get(), get(), Group::made(get(), forker_server_group(get(), prefix.c_str())));
    }
    Route directory(const std::string &prefix, const std::string &path) { return group("").directory(prefix, path); }
    Group host(const std::string &host) {
        return Group(keeper_.get(), get(), Group::made(get(), forker_server_host(get(), host.c_str())));
    }
    template <typename... F> Server &use(F... functions) {
        group("").use(std::move(functions)...);
        return *this;
    }
    template <typename F> Server &grpc(const std::string &method, int kind, F handler) {
        return done(forker_server_grpc(get(), method.c_str(), kind, detail::call_handler<F>, keep(std::move(handler))));
    }

    /* The path of a route that has a name, see forker_url(). */
    std::string url(const std::string &name,
                    const std::vector<std::pair<std::string, std::string>> &values = {}) const {
        std::vector<const char *> names, texts;
        for (const auto &[key, value] : values) {
            names.push_back(key.c_str());
            texts.push_back(value.c_str());
        }
        for (std::string path(256, '\0');; path.resize(path.size() * 2)) {
            int code =
                forker_url(get(), name.c_str(), names.data(), texts.data(), names.size(), path.data(), path.size());
            if (code != FORKER_E_LIMIT) {
                detail::check(code, ("url " + name + ": " + forker_strerror(code)).c_str());
                return path.c_str();
            }
        }
    }
    std::vector<forker_route_info> routes() const {
        std::vector<forker_route_info> all;
        forker_route_info info = {};
        info.size = sizeof info;
        while (forker_route_at(get(), all.size(), &info) == FORKER_OK)
            all.push_back(info);
        return all;
    }

    template <typename T> Slot<T> slot() {
        return Slot<T>(
            detail::check(get(), forker_server_slot(get(), [](void *value) { delete static_cast<T *>(value); })));
    }

    /* Errors in the program's words: fn(Request &, int status, std::string_view detail), see forker_server_on_error(). */
    template <typename F> Server &on_error(F fn) {
        return done(forker_server_on_error(
            get(),
            [](forker_request *req, int status, const char *detail, void *user) {
                Request request(req);
                return request.call("the error function", FORKER_OK, [&]() -> decltype(auto) {
                    return static_cast<detail::KeptFunction<F> *>(user)->fn(request, status, std::string_view(detail));
                });
            },
            keep(std::move(fn))));
    }

    /* Hooks: fn(int worker). One that throws has failed. */
    template <typename F> Server &on_before_fork(F fn) { return hook(forker_server_on_before_fork, std::move(fn)); }
    template <typename F> Server &on_post_fork(F fn) { return hook(forker_server_on_post_fork, std::move(fn)); }
    template <typename F> Server &on_worker_init(F fn) { return hook(forker_server_on_worker_init, std::move(fn)); }
    template <typename F> Server &on_worker_ready(F fn) { return hook(forker_server_on_worker_ready, std::move(fn)); }
    template <typename F> Server &on_worker_loop(F fn) { return hook(forker_server_on_worker_loop, std::move(fn)); }
    template <typename F> Server &on_worker_drain(F fn) { return hook(forker_server_on_worker_drain, std::move(fn)); }
    template <typename F> Server &on_worker_exit(F fn) { return hook(forker_server_on_worker_exit, std::move(fn)); }
    template <typename F> Server &on_thread_start(F fn) { return hook(forker_server_on_thread_start, std::move(fn)); }
    template <typename F> Server &on_thread_exit(F fn) { return hook(forker_server_on_thread_exit, std::move(fn)); }

    /* And fn(). */
    template <typename F> Server &on_reload(F fn) { return server_hook(forker_server_on_reload, std::move(fn)); }
    template <typename F> Server &on_reopen(F fn) { return server_hook(forker_server_on_reopen, std::move(fn)); }
    template <typename F> Server &on_master_tick(F fn) {
        return server_hook(forker_server_on_master_tick, std::move(fn));
    }

    /* Life. */
    void run() { done(forker_server_run(get())); }
    void start() { done(forker_server_start(get())); }
    void open() { done(forker_server_open(get())); }
    int poll_fd() { return detail::check(get(), forker_server_poll_fd(get())); }
    bool poll(std::int32_t timeout_ms) { return detail::check(get(), forker_server_poll(get(), timeout_ms)) == 1; }
    bool wait(std::int32_t timeout_ms = -1) {
        int code = forker_server_wait(get(), timeout_ms);
        if (code != FORKER_E_AGAIN)
            done(code);
        return code == FORKER_OK;
    }
    void stop(std::int32_t timeout_ms = -1) { done(forker_server_stop(get(), timeout_ms)); }
    void reload() { done(forker_server_reload(get())); }
    void scale(std::int32_t change) { done(forker_server_scale(get(), change)); }
    void drain() { done(forker_server_drain(get())); }
    void reopen() { done(forker_server_reopen(get())); }
    void upgrade() { done(forker_server_upgrade(get())); }
    void log(int level, const std::string &text) { done(forker_server_log(get(), level, text.c_str())); }
    forker_stats stats() const {
        forker_stats stats = {};
        stats.size = sizeof stats;
        detail::check(get(), forker_server_stats(get(), &stats));
        return stats;
    }

    /* Has fn() called on the main thread of this process, see forker_server_post(). Any thread. */
    template <typename F> void post(F fn) {
        using Kept = detail::KeptFunction<F>;
        auto kept = std::make_unique<Kept>(get(), std::move(fn));
        int code = forker_server_post(
            get(),
            [](forker_server *server, void *user) {
                std::unique_ptr<Kept> whole(static_cast<Kept *>(user));
                (void)detail::guard(server, "a posted function", FORKER_OK, [&] { whole->fn(); });
            },
            kept.get());
        detail::check(code, forker_strerror(code));
        (void)kept.release();
    }

    /* Has fn() called after first_ms milliseconds, and then every so many, see forker_server_timer(). Any thread. */
    template <typename F> std::int64_t timer(std::int64_t first_ms, std::int64_t every_ms, F fn) {
        struct Kept : detail::KeptTimer {
            explicit Kept(F function) : fn(std::move(function)) {}
            F fn;
        };
        auto made = std::make_unique<Kept>(std::move(fn));
        Kept *kept = made.get();
        kept->keeper = keeper_.get();
        kept->repeats = every_ms > 0;
        std::lock_guard<std::mutex> guard(keeper_->lock);
        kept->place = keeper_->timers.insert(keeper_->timers.end(), std::move(made));
        kept->number = forker_server_timer(get(), first_ms, every_ms, call_timer<Kept>, kept);
        if (kept->number < 0) {
            int code = static_cast<int>(kept->number);
            keeper_->timers.erase(kept->place);
            detail::check(code, forker_strerror(code));
        }
        return kept->number;
    }

    /* Ends a timer. false: it has ended. Any thread; its function is released on the main thread, where it may be running. */
    bool cancel(std::int64_t timer) {
        std::lock_guard<std::mutex> guard(keeper_->lock);
        for (auto &kept : keeper_->timers) {
            if (kept->number != timer)
                continue;
            if (forker_server_timer_cancel(get(), timer) != FORKER_OK)
                return false;
            kept->ended = true;
            if (!kept->runs)
                (void)forker_server_post(get(), release_timer,
                                         kept.get()); /* or the server releases it with the others */
            return true;
        }
        return false;
    }

  private:
    struct Free {
        void operator()(forker_server *server) const noexcept { forker_server_free(server); }
    };

    Server &done(int code) {
        detail::check(get(), code);
        return *this;
    }
    template <typename F> detail::KeptFunction<F> *keep(F fn) {
        return keeper_->keep(std::make_unique<detail::KeptFunction<F>>(get(), std::move(fn)));
    }
    template <typename F> Server &hook(int (*enter)(forker_server *, forker_hook, void *), F fn) {
        return done(enter(
            get(),
            [](forker_server *server, std::int32_t worker, void *user) {
                return detail::guard(server, "a hook", FORKER_OK, [&]() -> decltype(auto) {
                    return static_cast<detail::KeptFunction<F> *>(user)->fn(static_cast<int>(worker));
                });
            },
            keep(std::move(fn))));
    }
    template <typename F> Server &server_hook(int (*enter)(forker_server *, forker_server_hook, void *), F fn) {
        return done(enter(
            get(),
            [](forker_server *server, void *user) {
                return detail::guard(server, "a hook", FORKER_OK, [&]() -> decltype(auto) {
                    return static_cast<detail::KeptFunction<F> *>(user)->fn();
                });
            },
            keep(std::move(fn))));
    }
    static void release_timer(forker_server *, void *user) noexcept {
        auto *kept = static_cast<detail::KeptTimer *>(user);
        (void)kept->keeper->take(kept);
    }
    /* A timer that is called before timer() has returned waits for its lock. */
    template <typename Kept> static void call_timer(forker_server *server, std::int64_t, void *user) noexcept {
        auto *kept = static_cast<Kept *>(user);
        detail::Keeper *keeper = kept->keeper;
        {
            std::lock_guard<std::mutex> guard(keeper->lock);
            if (kept->ended)
                return; /* release_timer() follows */
            kept->runs = true;
        }
        (void)detail::guard(server, "a timer", FORKER_OK, [&] { kept->fn(); });
        bool over;
        {
            std::lock_guard<std::mutex> guard(keeper->lock);
            kept->runs = false;
            over = !kept->repeats || kept->ended;
        }
        if (over)
            (void)keeper->take(kept);
    }

    /* In this order: the server goes first, then what it points to. */
    std::unique_ptr<detail::Keeper> keeper_;
    std::unique_ptr<forker_server, Free> server_;
};

} // namespace forker

#endif /* FORKER_HPP */
