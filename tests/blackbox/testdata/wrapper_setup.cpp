// Logs, figures, signed cookies, certificates and processes by forker.hpp: wrapper_setup <address> <chain> <key>.
#include "wrapper.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

namespace {

std::string content_of(const char *path)
{
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

/* The code with which a call is refused. */
int refusal(forker::Server &server, const std::function<void()> &call)
{
    try {
        call();
    } catch (const forker::Error &thrown) {
        server.clear_error();
        return thrown.code();
    }
    return FORKER_OK;
}

void try_certificates(forker::Server &server, const char *chain, const char *key)
{
    int bad = refusal(server, [&] { server.certificate_pem("bad", "no chain", "no key"); });
    server.certificate_pem("own", content_of(chain), content_of(key));
    int none = refusal(server, [&] { server.certificate_ocsp("nobody", "/nowhere"); });
    int unread = refusal(server, [&] { server.certificate_ocsp("own", "/nowhere"); });
    say("certificates " + std::to_string(bad) + " " + std::to_string(none) + " " + std::to_string(unread));
}

void try_options()
{
    const auto all = forker::options();
    std::size_t reloadable = 0;
    for (const forker::Option &option : all) {
        reloadable += option.reloadable;
    }
    bool whole = all.size() > 50 && reloadable > 0 && reloadable < all.size() && all[0].type == "number" &&
                 !all[0].default_value.empty() && !all[0].bounds.empty() && !all[0].description.empty();
    say(std::string("options ") + std::string(all[0].name) + " " + (whole ? "whole" : "not whole") + " " +
        std::string(forker::version()));
}

void add_routes(forker::Server &server)
{
    server.get("/sign", [&server](forker::Request &req) {
        std::string text = server.cookie_sign("sid", std::string(req.query("value").value_or("joe")));
        return text + " " + server.cookie_verify("sid", text).value_or("not good") + " " +
               server.cookie_verify("other", text).value_or("not good");
    });
    server.get("/stats", [&server](forker::Request &req) {
        auto own = server.worker_stats(static_cast<std::size_t>(req.worker()));
        bool beyond = false;
        try {
            (void)server.worker_stats(1000);
        } catch (const forker::Error &thrown) {
            beyond = thrown.code() == FORKER_E_INVALID;
        }
        return std::to_string(own.pid == getpid()) + " " + own.target + " " + std::to_string(beyond);
    });
    server.get("/die", [](forker::Request &) -> int { _exit(7); });
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    forker::Server server;
    server.set("access_log", "common").set("cookie_keys", "0123456789abcdef0123456789abcdef");
    try_certificates(server, argv[2], argv[3]);
    try_options();
    add_routes(server);
    server.set_log([calls = 0](int level, std::string_view line) mutable {
        if (++calls == 1) {
            throw std::runtime_error("the line goes to stderr");
        }
        say("log " + std::to_string(level) + " " + std::string(line));
    });
    server.set_access_log([](std::string_view line) { say("access " + std::string(line)); });
    server.on_worker_died([](int worker, int pid, int status, std::string_view request) {
        say("died " + std::to_string(worker) + " " + std::to_string(pid > 0) + " " + std::to_string(status >> 8) + " " +
            std::string(request.substr(0, request.find(" from"))));
    });
    server.set_fork([calls = 0]() mutable {
        if (++calls == 2) { /* the first one is the master */
            throw std::runtime_error("no worker at first");
        }
        return fork();
    });
    return run_to_end(server, argv[1]);
}
