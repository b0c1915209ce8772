/*
 * libforker from C++17: two handlers, one of which throws. Start it with `build/hello_cpp` (or `build/hello_cpp
 * 127.0.0.1:9000`) and ask it with `curl -i http://localhost:8080/greet/you`.
 *
 * What a handler throws is in the log, and the client sees a 500 without details.
 */
#include <forker.hpp>

#include <iostream>

int main(int argc, char **argv) {
    try {
        forker::Server server;
        const std::string greeting = "greeting";

        /* A lambda without captures, and one that holds an object of the program. */
        server.get("/", [](forker::Request &) { return "greeting!!!"; });
        server.get("/greet/:name", [greeting](forker::Request &req) {
            std::string_view name = req.param("name");
            if (name.size() > 100)
                throw std::length_error("a name of " + std::to_string(name.size()) + " bytes");
            return greeting + ", " + std::string(name) + "!!!";
        });

        server.listen(argc > 1 ? argv[1] : ":8080");
        server.run();
    } catch (const std::exception &thrown) {
        std::cerr << argv[0] << ": " << thrown.what() << '\n';
        return 1;
    }
    return 0;
}
