/* The ways from C into Go: entry.h and the prototypes that Go has made of its functions are compared here by the compiler. */
#include "base/entry.h"

#include "_cgo_export.h"

void fk_entry_wait(void)
{
    goRuntimeWait();
}

int fk_entry_master(forker_server *server, int channel)
{
    return goMasterRun(server, channel);
}

int fk_entry_worker(forker_server *server, int channel, int lifeline, int drain)
{
    return goWorkerRun(server, channel, lifeline, drain);
}

int fk_entry_inspect(forker_server *server, int fd)
{
    return goInspect(server, fd);
}

int fk_entry_host_open(forker_server *server, bool polled)
{
    return goHostOpen(server, polled);
}

int fk_entry_host_fd(forker_server *server)
{
    return goHostFd(server);
}

int fk_entry_host_poll(forker_server *server, int timeout_ms)
{
    return goHostPoll(server, timeout_ms);
}

int fk_entry_host_adopt(forker_server *server, int fd)
{
    return goHostAdopt(server, fd);
}

int fk_entry_host_serve(forker_server *server)
{
    return goHostServe(server);
}
