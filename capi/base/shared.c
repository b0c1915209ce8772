/*
 * The shared memory.
 *
 * It is a memfd, so that a worker can have parts of it mapped anew, for reading only. By F_SEAL_FUTURE_WRITE (Linux
 * 5.1) the kernel then refuses mprotect(2) and every other way to write there (memfd_create(2)); the page of its own
 * keeps the mapping that fork gave it. Without the seal there is a mapping without a name, and mprotect(2) keeps a
 * worker from writing by mistake, not by intent.
 */
#include "base/shared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static size_t boxes_at(uint32_t slots)
{
    return (size_t)FK_SLOT_SIZE * ((size_t)slots + 1);
}

/* ftruncate(2) to more than RLIMIT_FSIZE is SIGXFSZ. */
static bool is_allowed(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= size;
}

/* A memfd of that size; -1: there is none. */
static int open_memory(size_t size)
{
    if (!is_allowed(size)) {
        return -1;
    }
    int fd = fk_descriptor_raise(memfd_create("libforker", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd >= 0 && ftruncate(fd, (off_t)size) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* Maps and seals it. NULL: not possible. */
static void *map_memory(int fd, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0) {
        (void)munmap(memory, size);
        return NULL;
    }
    return memory;
}

/* Returns MAP_FAILED with errno. */
static void *make_memory(size_t size, int *fd_out)
{
    int fd = sysconf(_SC_PAGESIZE) == FK_PAGE_SIZE ? open_memory(size) : -1;
    void *memory = fd >= 0 ? map_memory(fd, size) : NULL;
    if (memory == NULL && fd >= 0) {
        (void)close(fd);
        fd = -1;
    }
    *fd_out = fd;
    return memory != NULL ? memory
                          : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

int fk_shared_map(forker_server *server)
{
    uint32_t slots = fk_server_option(server, FK_OPTION_WORKERS) != 0 ? FK_SLOTS_MAX : 1;
    size_t size = boxes_at(slots) + (size_t)FK_BOXES * FK_BOX_SIZE * slots;
    int fd = -1;
    void *orders = mmap(NULL, sizeof(fk_orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    void *memory = orders != MAP_FAILED ? make_memory(size, &fd) : MAP_FAILED;
    if (memory == MAP_FAILED) {
        int reason = errno;
        if (orders != MAP_FAILED) {
            (void)munmap(orders, sizeof(fk_orders));
        }
        return fk_server_fail(server, FORKER_E_MEMORY, "%s: mmap: %s", server->run.verb, strerror(reason));
    }
    fk_shared_unmap(server);
    fk_shared *shared = memory;
    *shared = (fk_shared){.magic = FK_SHARED_MAGIC,
                          .slots = slots,
                          .spawner_pid = getpid(),
                          .stop_timeout_ms = FK_NO_STOP,
                          .started_ns = fk_clock()};
    server->tree.shared_size = size;
    server->tree.slots = slots;
    server->tree.shared_fd = fd;
    server->tree.orders = orders;
    server->tree.figures = server->tree.shared = shared;
    return FORKER_OK;
}

void fk_shared_end(forker_server *server)
{
    if (server->tree.shared != NULL) {
        server->tree.shared->phase = FK_PHASE_STOPPING;
        server->tree.shared->master_pid = 0;
        server->tree.shared = NULL;
    }
    fk_descriptor_close(&server->tree.shared_fd);
}

void fk_shared_forget_orders(forker_server *server)
{
    if (server->tree.orders != NULL) {
        (void)munmap(server->tree.orders, sizeof(fk_orders));
        server->tree.orders = NULL;
    }
    fk_descriptor_close(&server->tree.shared_fd);
}

void fk_shared_unmap(forker_server *server)
{
    fk_shared_forget_orders(server);
    if (server->tree.figures != NULL) {
        (void)munmap(server->tree.figures, server->tree.shared_size);
        server->tree.figures = NULL;
    }
}

/* Leaves the bytes from `from` up to `to` readable only. */
static bool lock(const forker_server *server, size_t from, size_t to)
{
    void *at = (char *)server->tree.shared + from;
    if (from == to) {
        return true;
    }
    return server->tree.shared_fd >= 0 ? mmap(at, to - from, PROT_READ, MAP_SHARED | MAP_FIXED, server->tree.shared_fd,
                                              (off_t)from) != MAP_FAILED
                                       : mprotect(at, to - from, PROT_READ) == 0;
}

const char *fk_shared_confine(forker_server *server, uint32_t index)
{
    size_t page = (size_t)FK_SLOT_SIZE * (1 + (size_t)index) + FK_PAGE_SIZE;
    size_t boxes = boxes_at(server->tree.slots) + (size_t)FK_BOXES * FK_BOX_SIZE * index;
    bool locked = sysconf(_SC_PAGESIZE) != FK_PAGE_SIZE || /* where pages are larger, others' words are on them too */
                  (lock(server, 0, page) && lock(server, page + FK_PAGE_SIZE, boxes) &&
                   lock(server, boxes + (size_t)FK_BOXES * FK_BOX_SIZE, server->tree.shared_size));
    return locked ? NULL : "the shared memory";
}
