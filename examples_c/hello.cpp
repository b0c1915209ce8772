/*
 * libforker from C++11 or later: a small RAII wrapper which a program can copy, and two handlers. Start it with
 * `build/hello_cpp` (or `build/hello_cpp 127.0.0.1:9000`) and ask it with `curl -i
 * http://localhost:8080/greet/you`.
 *
 * Exceptions must not travel through C frames: the wrapper catches what a handler throws, writes it to the log and
 * returns a negative code, which the client sees as a 500 without details.
 */
#include <forker.h>

#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

void check(forker_server *server, int code) {
    if (code != FORKER_OK)
        throw std::runtime_error(forker_server_error(server));
}

class Server {
  public:
    using Handler = std::function<int(forker_request *)>;

    Server() : handle_(forker_server_new()) {
        if (!handle_)
            throw std::bad_alloc();
    }

    /* Keeps the handler for as long as the server lives; the C side gets a pointer to it. */
    void handle(const char *methods, const char *pattern, Handler handler) {
        routes_.push_back(std::unique_ptr<Route>(new Route{handle_.get(), std::move(handler)}));
        check(handle_.get(), forker_server_handle(handle_.get(), methods, pattern, call, routes_.back().get()));
    }

    void set(const char *name, const char *value) {
        check(handle_.get(), forker_server_set(handle_.get(), name, value));
    }

    void listen(const char *address) { check(handle_.get(), forker_server_listen(handle_.get(), address)); }

    void run() { check(handle_.get(), forker_server_run(handle_.get())); }

  private:
    struct Free {
        void operator()(forker_server *server) const { forker_server_free(server); }
    };

    struct Route {
        forker_server *server;
        Handler handler;
    };

    static int call(forker_request *req, void *user) noexcept {
        const Route &route = *static_cast<const Route *>(user);
        try {
            return route.handler(req);
        } catch (const std::exception &thrown) {
            forker_server_log(route.server, FORKER_LOG_ERROR, thrown.what());
        } catch (...) {
            forker_server_log(route.server, FORKER_LOG_ERROR, "a handler threw something that is no std::exception");
        }
        return FORKER_E_INTERNAL;
    }

    /* In this order: the server goes first, then the routes that it points to. */
    std::vector<std::unique_ptr<Route>> routes_;
    std::unique_ptr<forker_server, Free> handle_;
};

int respond_text(forker_request *req, const std::string &text) {
    return forker_respond(req, 200, "text/plain", text.data(), text.size());
}

} // namespace

int main(int argc, char **argv) {
    try {
        Server server;
        const std::string greeting = "greeting";

        /* A lambda without captures, and one that holds an object of the program. */
        server.handle("GET", "/", [](forker_request *req) { return respond_text(req, "greeting!!!"); });
        server.handle("GET", "/greet/:name", [greeting](forker_request *req) {
            const std::string name = forker_request_param(req, "name", nullptr);
            if (name.size() > 100)
                throw std::length_error("a name of " + std::to_string(name.size()) + " bytes");
            return respond_text(req, greeting + ", " + name + "!!!");
        });

        server.listen(argc > 1 ? argv[1] : ":8080");
        server.run();
    } catch (const std::exception &thrown) {
        std::cerr << argv[0] << ": " << thrown.what() << '\n';
        return 1;
    }
    return 0;
}
