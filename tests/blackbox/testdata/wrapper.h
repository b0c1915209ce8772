/* What the programs on forker.hpp share: an object that counts how many of it there are. */
#ifndef WRAPPER_H
#define WRAPPER_H

#include <forker.hpp>

#include "program.h"

#include <atomic>
#include <string>
#include <utility>

struct Counted {
    static inline std::atomic<int> alive{0};
    explicit Counted(std::string what = "") : text(std::move(what))
    {
        alive++;
    }
    Counted(Counted &&other) noexcept : text(std::move(other.text))
    {
        alive++;
    }
    ~Counted()
    {
        alive--;
    }
    std::string text;
};

inline void say(const std::string &line)
{
    tell((line + "\n").c_str());
}

/* What a test asks for at its end, and what a worker says that leaves. */
inline void count_alive(forker::Server &server)
{
    server.get("/alive", [](forker::Request &) { return std::to_string(Counted::alive.load()); });
    server.on_worker_exit([](int) { say("alive at the end " + std::to_string(Counted::alive.load())); });
}

/* Runs a server that is set up. Gives main's exit status. */
inline int run_to_end(forker::Server &server, const char *address)
{
    try {
        server.on_worker_init([&server](int worker) { tell_worker(server.get(), worker, nullptr); });
        server.listen(address);
        say("listening 0 " + server.address());
        server.run();
    } catch (const forker::Error &thrown) {
        say(thrown.what());
        return 1;
    }
    return 0;
}

#endif
