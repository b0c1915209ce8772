// Server::test() of forker.hpp. Checks by itself.
#include <forker.hpp>

#include <iostream>
#include <string>

static int failures;

#define CHECK(is)                                                                                                      \
    do {                                                                                                               \
        if (!(is)) {                                                                                                   \
            std::cerr << __FILE__ << ":" << __LINE__ << ": not so: " << #is << "\n";                                   \
            failures++;                                                                                                \
        }                                                                                                              \
    } while (0)

int main()
{
    forker::Server server;
    int done = 0;
    server.set("workers", "0");
    server.group("").use([](forker::Request &) {}, [&done](forker::Request &, const forker_outcome &) { done++; });
    server.post("/notes", [](forker::Request &req) {
        req.set_header("X-Key", std::string(req.header("X-Key").value_or("none")));
        return req.text("noted " + std::string(req.body()), 201);
    });
    server.get("/stream", [](forker::Request &req) {
        forker::Deferred later = req.defer();
        later.begin();
        later.write("piece");
        later.trailer("X-Sum", "1");
        later.end();
        return FORKER_DEFERRED;
    });
    server.get("/never", [](forker::Request &req) {
        static forker::Deferred kept;
        kept = req.defer();
        return FORKER_DEFERRED;
    });
    forker::Answer answer = server.test("POST", "/notes", {{"X-Key", "k"}}, "milk");
    CHECK(answer.status() == 201 && answer.body() == "noted milk" && answer.header("x-key") == "k");
    CHECK(!answer.header("X-Key", 1) && !answer.trailer("X-Key"));
    CHECK(answer.text().substr(0, 13) == "HTTP/1.1 201 ");
    answer = server.test("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(answer.body() == "piece" && answer.trailer("X-Sum") == "1");
    CHECK(server.test("GET", "/notes").status() == 405);
    CHECK(done == 3);
    try {
        server.test("GET", "/never", {}, {}, 10);
        CHECK(false);
    } catch (const forker::Error &error) {
        CHECK(error.code() == FORKER_E_AGAIN && std::string(error.what()) == "test: there is no answer in time");
    }
    return failures == 0 ? 0 : 1;
}
