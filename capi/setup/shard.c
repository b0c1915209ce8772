/* One listening socket for each worker. */
#include "setup/shard.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "setup/listener.h"

/* How many workers there will be, or CPUs where the master will decide: a socket too many does no harm. */
static uint32_t wanted_sockets(const forker_server *server)
{
    int64_t workers = fk_server_option(server, FK_OPTION_WORKERS);
    cpu_set_t cpus;
    if (workers < 0) {
        workers = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : sysconf(_SC_NPROCESSORS_ONLN);
    }
    return workers < FK_SHARDS_MAX ? (uint32_t)workers : FK_SHARDS_MAX;
}

/* A socket that listens where the first one of the listener does. Returns -1 with errno. */
static int open_beside(const forker_server *server, const fk_listener *listener)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name, switch_size = sizeof(int);
    int on = 1, only = 0;
    if (getsockname(listener->fd, (struct sockaddr *)&name, &size) != 0) {
        return -1;
    }
    int fd = fk_descriptor_raise(socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) {
        return -1;
    }
    fk_listener_set_options(server, fd);
    if (name.ss_family == AF_INET6) {
        (void)getsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &switch_size);
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&name, size) != 0 ||
        listen(fd, (int)fk_server_option(server, FK_OPTION_BACKLOG)) != 0) {
        int reason = errno;
        (void)close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int fk_shards_open(forker_server *server)
{
    uint32_t wanted = wanted_sockets(server);
    for (uint32_t i = 0; i < server->listener_count; i++) {
        fk_listener *listener = &server->listeners[i];
        while (listener->sharded && 1 + listener->shard_count < wanted) {
            int fd = open_beside(server, listener);
            if (fd < 0) {
                return fk_server_fail(server, FORKER_E_ADDRESS, "%s: another socket for %s (option reuseport): %s",
                                      server->run.verb, listener->address, strerror(errno));
            }
            listener->shards[listener->shard_count++] = fd;
        }
    }
    return FORKER_OK;
}

void fk_shards_close(fk_listener *listener)
{
    while (listener->shard_count > 0) {
        (void)close(listener->shards[--listener->shard_count]);
    }
}
