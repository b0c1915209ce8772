/* Prints the version of the library that it runs with; fails if that is not the header's. */
#include <forker.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    puts(forker_version());
    return strcmp(forker_version(), FORKER_VERSION) != 0;
}
