/* What C has a pointer to, and how a callback is called so that no exception leaves it. */
#ifndef FORKER_KEPT_HPP
#define FORKER_KEPT_HPP

#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "../forker.h"

namespace forker::detail {

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

/* What a callback threw, in a sentence. Called while it is caught. */
inline std::string thrown_text(const char *where) {
    try {
        throw;
    } catch (const std::exception &thrown) {
        return std::string(where) + " threw: " + thrown.what();
    } catch (...) {
        return std::string(where) + " threw something that is no std::exception";
    }
}

/* What a request keeps until it has ended, in the slot that each Server makes before any other. */
using KeptList = std::vector<std::unique_ptr<Kept>>;
constexpr int kept_slot = 0;

/* Writes it to the log. */
inline void log_thrown(forker_server *server, const char *where) noexcept {
    try {
        forker_server_log(server, FORKER_LOG_ERROR, thrown_text(where).c_str());
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

} // namespace forker::detail

#endif /* FORKER_KEPT_HPP */
