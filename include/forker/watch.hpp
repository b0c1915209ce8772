/*
 * The functions that forker.hpp has C call about a handle. C keeps a pointer beside each, and does not say when it lets go
 * of one; so what they are stands here, by the number of the handle, which is never another request's.
 */
#ifndef FORKER_WATCH_HPP
#define FORKER_WATCH_HPP

#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "kept.hpp"

namespace forker::detail {

struct Watch {
    virtual ~Watch() = default;
    virtual void call(int reason) = 0;
};

template <typename F> struct CloseWatch : Watch {
    explicit CloseWatch(F function) : fn(std::move(function)) {}
    void call(int reason) override { fn(reason); }
    F fn;
};

template <typename F> struct DrainWatch : Watch {
    explicit DrainWatch(F function) : fn(std::move(function)) {}
    void call(int) override { fn(); }
    F fn;
};

using SharedWatch = std::shared_ptr<Watch>;

struct WatchEntry {
    forker_server *server = nullptr;
    SharedWatch close, drain;
};

/* Any thread. What it gives is to be released outside of its lock: a function may hold a Deferred, whose end comes here. */
class Watches {
  public:
    /* Never destroyed: a server that a static object frees at exit still calls it. */
    static Watches &all() {
        static Watches *one = new Watches;
        return *one;
    }

    /* Enters a function in the place of another, which it gives. */
    SharedWatch exchange(forker_deferred handle, forker_server *server, SharedWatch WatchEntry::*kind, SharedWatch fn) {
        std::lock_guard<std::mutex> guard(lock_);
        WatchEntry &entry = entries_[handle];
        entry.server = server;
        return std::exchange(entry.*kind, std::move(fn));
    }

    /* Takes that back where C has refused. false: it was called meanwhile. */
    bool restore(forker_deferred handle, SharedWatch WatchEntry::*kind, const SharedWatch &fn, SharedWatch &before) {
        std::lock_guard<std::mutex> guard(lock_);
        auto found = entries_.find(handle);
        if (found == entries_.end() || found->second.*kind != fn)
            return false;
        std::swap(found->second.*kind, before);
        if (found->second.close == nullptr && found->second.drain == nullptr)
            entries_.erase(found);
        return true;
    }

    WatchEntry get(forker_deferred handle) {
        std::lock_guard<std::mutex> guard(lock_);
        auto found = entries_.find(handle);
        return found != entries_.end() ? found->second : WatchEntry();
    }

    WatchEntry take(forker_deferred handle) {
        std::lock_guard<std::mutex> guard(lock_);
        auto found = entries_.find(handle);
        if (found == entries_.end())
            return WatchEntry();
        WatchEntry entry = std::move(found->second);
        entries_.erase(found);
        return entry;
    }

    /* Functions of forker.h: what C is given instead of the program's. */
    static void closed(forker_deferred handle, int reason, void *) noexcept {
        WatchEntry entry = all().take(handle);
        if (entry.close != nullptr)
            (void)guard(entry.server, "on_close", FORKER_OK, [&] { entry.close->call(reason); });
    }
    static void drained(forker_deferred handle, void *) noexcept {
        WatchEntry entry = all().get(handle);
        if (entry.drain != nullptr && guard(entry.server, "on_drain", FORKER_OK, [&] { entry.drain->call(0); }) < 0)
            (void)forker_deferred_drop(handle); /* nobody goes on with the stream */
    }

  private:
    std::mutex lock_;
    std::unordered_map<forker_deferred, WatchEntry> entries_;
};

} // namespace forker::detail

#endif /* FORKER_WATCH_HPP */
