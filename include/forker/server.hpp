/* A server: its options, routes, hooks and life. */
#ifndef FORKER_SERVER_HPP
#define FORKER_SERVER_HPP

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "answer.hpp"
#include "error.hpp"
#include "group.hpp"
#include "kept.hpp"
#include "request.hpp"
#include "value.hpp"

namespace forker {

/* A server. */
class Server : public detail::Methods<Server> {
  public:
    Server(Server &&) = default;
    Server &operator=(Server &&) = delete;
    Server() : keeper_(std::make_unique<detail::Keeper>()), server_(forker_server_new()) {
        if (!server_)
            throw std::bad_alloc();
        detail::check(get(),
                      forker_server_slot(get(), [](void *list) { delete static_cast<detail::KeptList *>(list); }));
    }
    using detail::Methods<Server>::get;
    using detail::Methods<Server>::post;
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
    Server &certificate_pem(const std::string &name, std::string_view chain, std::string_view key) {
        return done(
            forker_server_certificate_pem(get(), name.c_str(), chain.data(), chain.size(), key.data(), key.size()));
    }
    Server &certificate_ocsp(const std::string &name, const std::string &path) {
        return done(forker_server_certificate_ocsp(get(), name.c_str(), path.c_str()));
    }
    Server &client_ca(const std::string &path) { return done(forker_server_client_ca(get(), path.c_str())); }
    Server &rewrite(const std::string &from, const std::string &to) {
        return done(forker_server_rewrite(get(), from.c_str(), to.c_str()));
    }

    /* Takes the latest failure of such a call back, see forker_server_clear_error(). */
    Server &clear_error() { return done(forker_server_clear_error(get())); }

    /* Routes: handler(Request &). They are those of the group that is the server itself. */
    template <typename F> Route route(const std::string &methods, const std::string &pattern, F handler) {
        return group("").route(methods, pattern, std::move(handler));
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
    /* A method of gRPC: handler(Request &), see forker_server_grpc(); what it returns as text is the message. */
    template <typename F> Route grpc(const std::string &method, int kind, F handler) {
        forker_route *route = nullptr;
        done(forker_server_grpc_route(get(), method.c_str(), kind, detail::call_method<F>, keep(std::move(handler)),
                                      &route));
        return Route(get(), route);
    }
    /* What a service is, FORKER_HEALTH_*; after the set-up on any thread of any process of the tree. */
    Server &grpc_health(const std::string &service, int status) {
        return done(forker_grpc_health(get(), service.c_str(), status));
    }
    /* Reflection, by a packed google.protobuf.FileDescriptorSet. */
    Server &grpc_descriptors(std::string_view set) {
        return done(forker_server_grpc_descriptors(get(), set.empty() ? nullptr : set.data(), set.size()));
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
                detail::check_call(code, "url " + name);
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

    /*
     * The text of a cookie whose value is signed by option cookie_keys, and the value of such a text; nullopt: the signature
     * is not good. In a process that serves, any thread.
     */
    std::string cookie_sign(const std::string &name, const std::string &value) const {
        std::string text(value.size() + 64, '\0'); /* value, ".", 43 characters, NUL */
        detail::check_call(forker_cookie_sign(get(), name.c_str(), value.c_str(), text.data(), text.size()),
                           "cookie_sign " + name);
        return text.c_str();
    }
    std::optional<std::string> cookie_verify(const std::string &name, const std::string &text) const {
        std::string value(text.size() + 1, '\0');
        int code = forker_cookie_verify(get(), name.c_str(), text.c_str(), value.data(), value.size());
        if (code == FORKER_E_INVALID)
            return std::nullopt;
        detail::check_call(code, "cookie_verify " + name);
        return value.c_str();
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

    /* fn(int worker, int pid, int status, std::string_view request), in the spawner, when a worker is gone. */
    template <typename F> Server &on_worker_died(F fn) {
        return done(forker_server_on_worker_died(
            get(),
            [](forker_server *server, std::int32_t worker, std::int32_t pid, std::int32_t status, const char *request,
               void *user) {
                (void)detail::guard(server, "a hook", FORKER_OK, [&] {
                    static_cast<detail::KeptFunction<F> *>(user)->fn(worker, pid, status, std::string_view(request));
                });
            },
            keep(std::move(fn))));
    }

    /* fn() in the place of fork(2), see forker_server_set_fork(). One that throws has failed; in the child it must not. */
    template <typename F> Server &set_fork(F fn) {
        return done(forker_server_set_fork(
            get(),
            [](void *user) -> std::int32_t {
                auto *kept = static_cast<detail::KeptFunction<F> *>(user);
                bool returned = false;
                int pid = detail::guard(kept->server, "the fork function", -1, [&] {
                    int result = static_cast<int>(kept->fn());
                    returned = true;
                    return result;
                });
                if (!returned)
                    errno = EAGAIN;
                return pid;
            },
            keep(std::move(fn))));
    }

    /* fn(int level, std::string_view line) for lines of the log, fn(std::string_view line) for those of the access log. */
    template <typename F> Server &set_log(F fn) {
        return done(forker_server_set_log(
            get(),
            [](int level, const char *line, std::size_t len, void *user) {
                try {
                    static_cast<detail::KeptFunction<F> *>(user)->fn(level, std::string_view(line, len));
                } catch (...) { /* it cannot be logged */
                    std::fprintf(stderr, "%s\n", line);
                }
            },
            keep(std::move(fn))));
    }
    template <typename F> Server &set_access_log(F fn) {
        return done(forker_server_set_access_log(
            get(),
            [](const char *line, std::size_t len, void *user) {
                auto *kept = static_cast<detail::KeptFunction<F> *>(user);
                (void)detail::guard(kept->server, "the access log function", FORKER_OK,
                                    [&] { kept->fn(std::string_view(line, len)); });
            },
            keep(std::move(fn))));
    }

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

    /* Asks it without a port, see forker_server_test(): with the bytes of a request, */
    Answer test(std::string_view request, std::int32_t timeout_ms = 10000) {
        forker_answer *answer = nullptr;
        int code = forker_server_test(get(), request.data(), request.size(), timeout_ms, &answer);
        Answer owned(answer);
        done(code);
        return owned;
    }
    /* or what is in it. A body gets its length. */
    Answer test(const std::string &method, const std::string &target,
                const std::vector<std::pair<std::string, std::string>> &fields = {}, std::string_view body = {},
                std::int32_t timeout_ms = 10000) {
        std::string request = method + " " + target + " HTTP/1.1\r\nHost: test\r\n";
        for (const auto &[name, value] : fields)
            request += name + ": " + value + "\r\n";
        if (!body.empty())
            request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        return test((request += "\r\n").append(body), timeout_ms);
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
        detail::check_call(forker_server_stats(get(), &stats), "stats");
        return stats;
    }
    forker_worker_stats worker_stats(std::size_t index) const {
        forker_worker_stats stats = {};
        stats.size = sizeof stats;
        detail::check_call(forker_server_worker_stats(get(), index, &stats), "worker_stats");
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

#endif /* FORKER_SERVER_HPP */
