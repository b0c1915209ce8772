/* cpp-httplib: a pool of threads, one for each connection that is kept alive. */
#include <httplib.h>

#include <climits>
#include <string>

#include "responses.h"

static void set_fields(httplib::Response &response)
{
    response.set_header("Server", "cpp-httplib");
    response.set_header("Date", date_now());
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    fill_responses();
    const int threads = std::stoi(argv[2]) + 4;
    httplib::Server server;
    server.new_task_queue = [threads] { return new httplib::ThreadPool(static_cast<size_t>(threads)); };
    server.set_keep_alive_max_count(INT_MAX);
    server.set_keep_alive_timeout(75);
    server.set_tcp_nodelay(true);
    for (const response &text : responses) {
        server.Get(text.path, [&text](const httplib::Request &, httplib::Response &response) {
            set_fields(response);
            response.set_content(text.data, text.len, RESPONSE_TYPE);
        });
    }
    server.Post("/upload", [](const httplib::Request &request, httplib::Response &response) {
        set_fields(response);
        response.set_content(std::to_string(request.body.size()), RESPONSE_TYPE);
    });
    return server.listen("127.0.0.1", std::stoi(argv[1])) ? 0 : 1;
}
