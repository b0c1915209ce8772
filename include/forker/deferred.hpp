/* Requests that are answered later, see "deferred, streamed" of forker.h. */
#ifndef FORKER_DEFERRED_HPP
#define FORKER_DEFERRED_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"
#include "watch.hpp"

namespace forker {

class Request;
struct Response;

/*
 * A request that is answered later, see forker_request_defer(). One that is not used up is dropped by the destructor. Its
 * functions may be called from any thread of the process, but for one object by one thread at a time.
 */
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

    /* Each of these uses the handle up. false: the client has left. */
    bool respond(int status, const std::string &content_type, std::string_view body) {
        return use_up(forker_deferred_respond(handle_, status, content_type.empty() ? nullptr : content_type.c_str(),
                                              body.data(), body.size()));
    }
    bool respond(const Response &response);
    bool send() { return use_up(forker_deferred_send(handle_)); }
    bool end() { return use_up(forker_stream_end(handle_)); }
    bool grpc_finish(int code = 0, const std::string &text = "") {
        return use_up(forker_grpc_finish(handle_, code, text.empty() ? nullptr : text.c_str()));
    }

    /* And this one: goes on with a request that a before function has deferred. on_close is not called then. */
    bool next() {
        forker_deferred handle = handle_;
        bool goes_on = use_up(forker_deferred_next(handle_));
        if (goes_on)
            (void)detail::Watches::all().take(handle);
        return goes_on;
    }

    void drop() noexcept {
        if (handle_ != 0)
            (void)forker_deferred_drop(release());
    }

    bool cancelled() const noexcept { return forker_deferred_cancelled(handle_) != 0; }

    /* Ends what Request::pause() has begun. */
    void resume() { check(forker_deferred_resume(handle_)); }

    /*
     * Has fn(int reason) called once when the request has ended, on the worker's main thread, see
     * forker_deferred_on_close(); a later one replaces it. Throws Error (FORKER_E_ABORTED) if it has ended already.
     */
    template <typename F> void on_close(F fn) {
        watch(&detail::WatchEntry::close, std::make_shared<detail::CloseWatch<F>>(std::move(fn)));
    }

    /*
     * Has fn() called on the worker's main thread whenever there is room again in a stream, after a write that was refused.
     * It is kept until the request has ended; a later one replaces it. If it throws, that is logged and the stream dropped.
     */
    template <typename F> void on_drain(F fn) {
        watch(&detail::WatchEntry::drain, std::make_shared<detail::DrainWatch<F>>(std::move(fn)));
    }

    /*
     * A stream. write gives false where there is no room: nothing was written, and on_drain's function will be called; and
     * when the client has left, as cancelled() tells. write_wait waits for room, for at most so many milliseconds, -1: as
     * long as it takes; not on the thread that serves.
     */
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

    /* Begins the response of a gRPC call before there is a message. */
    void grpc_begin() { check(forker_grpc_begin(handle_)); }

    /* A message of a gRPC call that gives many; as write. */
    bool grpc_send(std::string_view message) {
        return wrote(forker_grpc_send(handle_, message.data(), message.size()));
    }

    /* Until it is destroyed, the thread that calls the handlers works for a request, see forker_deferred_enter(). */
    class Turn {
      public:
        Turn(Turn &&other) noexcept : entered_(std::exchange(other.entered_, false)) {}
        Turn &operator=(Turn &&) = delete;
        ~Turn() {
            if (entered_)
                (void)forker_deferred_leave();
        }

      private:
        friend class Deferred;
        Turn() noexcept = default;
        bool entered_ = true;
    };
    [[nodiscard]] Turn enter() {
        check(forker_deferred_enter(handle_));
        return Turn();
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
    forker_request *live() const {
        forker_request *req = forker_deferred_request(handle_);
        char none[1];
        if (req == nullptr)
            detail::check(forker_deferred_error(handle_, none, sizeof none), "the handle is used up");
        return req;
    }

    /* on_close is C's in either case: it is where a function is let go of. */
    void watch(detail::SharedWatch detail::WatchEntry::*kind, const detail::SharedWatch &fn) {
        detail::Watches &all = detail::Watches::all();
        detail::SharedWatch before = all.exchange(handle_, forker_request_server(live()), kind, fn);
        int code = forker_deferred_on_close(handle_, detail::Watches::closed, nullptr);
        if (code == FORKER_OK && kind == &detail::WatchEntry::drain)
            code = forker_stream_on_drain(handle_, detail::Watches::drained, nullptr);
        if (code != FORKER_OK && all.restore(handle_, kind, fn, before))
            check(code);
    }

    forker_deferred handle_ = 0;
};

} // namespace forker

#endif /* FORKER_DEFERRED_HPP */
