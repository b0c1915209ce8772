// Prints the version of the library that it runs with; fails if that is not the header's.
#include <forker.h>

#include <iostream>
#include <string>

int main()
{
    const std::string version = forker_version();
    std::cout << version << '\n';
    return version != FORKER_VERSION;
}
