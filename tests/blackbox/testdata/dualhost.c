/* A server on a machine whose /etc/hosts has both ::1 and 127.0.0.1 for localhost: dualhost <address>. */
#define _GNU_SOURCE

#include "program.h"

#include <dlfcn.h>
#include <netdb.h>

typedef int lookup(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found);

/* ISO C has no conversion from void * to a function pointer, POSIX wants one. */
typedef union {
    void *symbol;
    lookup *call;
} function;

/* The library's calls come here, as this program is before the C library in the search order. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **found)
{
    function real = {.symbol = dlsym(RTLD_NEXT, "getaddrinfo")};
    if (strcmp(host, "localhost") != 0) {
        return real.call(host, port, hints, found);
    }
    int failure = real.call("::1", port, hints, found);
    return failure != 0 ? failure : real.call("127.0.0.1", port, hints, &(*found)->ai_next);
}

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
