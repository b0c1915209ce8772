/* What every part of the library does with a server object: tells what has failed, and wakes who runs it. */
#include "base/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

int fk_server_fail(forker_server *server, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(server->error, sizeof server->error, format, args);
    va_end(args);
    return code;
}

void fk_server_wake(const forker_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->tree.wake_fd, &one, sizeof one);
    (void)written;
}
