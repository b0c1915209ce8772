// Prints the version of the library that it runs with; fails if that is not the header's.
#include <forker.hpp>

#include <iostream>
#include <string>

int main()
{
    forker::Server server;
    server.get("/", [](forker::Request &) { return "greeting!!!"; });
    const std::string version = forker_version();
    std::cout << version << '\n';
    return version != FORKER_VERSION;
}
