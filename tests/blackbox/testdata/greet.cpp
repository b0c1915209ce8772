// A server in C++: greet <address>.
#include "program.h"

#include <string>

namespace {

int greet(forker_request *req, void *user)
{
    std::string text = *static_cast<const std::string *>(user) + forker_request_param(req, "name", nullptr);
    return forker_respond(req, 200, "text/plain", text.data(), text.size());
}

} // namespace

int main(int argc, char **argv)
{
    std::string greeting = "hello, ";
    if (argc != 2) {
        return 2;
    }
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/greet/:name", greet, &greeting);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, nullptr);
    tell_addresses(server);
    int exit_status = run_and_tell(server);
    forker_server_free(server);
    return exit_status;
}
