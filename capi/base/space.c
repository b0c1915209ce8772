/* Address space for the Go runtime. */
#include "base/space.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

/*
 * What the runtime of go1.26 maps at its start on amd64, nearly all of it without memory behind: the index of a heap
 * that could become as large as the address space. And a dozen threads, each with a stack. The least "ulimit -v" under
 * which the library serves, less what the program has before, is 812 MiB with stacks of 8 MiB (measure with tests/blackbox
 * TestAddressSpace); the rest is for the heap, which grows by 4 to 64 MiB.
 */
#define RUNTIME_SIZE (768 * MIB)
enum { THREADS = 16, STACK_MIB = 2 /* of a thread, where the limit is none (pthread_create(3)) */ };

static size_t needed(void)
{
    struct rlimit stack;
    size_t each = STACK_MIB * MIB;
    if (getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur != RLIM_INFINITY) {
        each = (size_t)stack.rlim_cur;
    }
    return RUNTIME_SIZE + THREADS * each;
}

int fk_space_check(forker_server *server)
{
    struct rlimit space;
    size_t size = needed();
    void *probe = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (probe != MAP_FAILED) {
        (void)munmap(probe, size);
        return FORKER_OK;
    }
    (void)getrlimit(RLIMIT_AS, &space);
    return fk_server_fail(
        server, FORKER_E_MEMORY,
        "%s: too little address space: the Go runtime reserves %zu MiB, besides what the program has, "
        "and the limit is %llu MiB (ulimit -v, RLIMIT_AS)",
        server->run.verb, size / MIB, (unsigned long long)(space.rlim_cur / MIB));
}

void fk_space_spare(void)
{
#ifdef M_ARENA_MAX
    struct rlimit space;
    if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) {
        (void)mallopt(M_ARENA_MAX, 1);
    }
#endif
}
