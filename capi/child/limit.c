/* Limits of a worker. */
#include "child/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/descriptor.h"

#define OOM_FILE "/proc/self/oom_score_adj"

static const struct {
    int option;
    __rlimit_resource_t resource;
    const char *name;
} limits[] = {
    {FK_OPTION_RLIMIT_NOFILE, RLIMIT_NOFILE, "rlimit_nofile"},
    {FK_OPTION_RLIMIT_CORE, RLIMIT_CORE, "rlimit_core"},
};

enum {
    LIMITS = sizeof limits / sizeof *limits,
    RESERVED = 65536 /* descriptors, which take the kernel half a megabyte */
};

/* A limit may always be lowered, and raised by who has CAP_SYS_RESOURCE (getrlimit(2)): raises it, and puts it back. */
static bool can_raise(__rlimit_resource_t resource, rlim_t wanted)
{
    struct rlimit before;
    if (getrlimit(resource, &before) != 0) {
        return false;
    }
    if (wanted <= before.rlim_max) {
        return true;
    }
    if (setrlimit(resource, &(struct rlimit){before.rlim_cur, wanted}) != 0) {
        return false;
    }
    (void)setrlimit(resource, &before);
    return true;
}

static bool write_oom_score(int64_t score)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d", (int)score);
    int fd = fk_descriptor_raise(open(OOM_FILE, O_WRONLY | O_CLOEXEC));
    if (fd < 0) {
        return false;
    }
    bool written = write(fd, text, (size_t)len) == len;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return written;
}

/* The score may always be raised, and lowered to what it has once been: it is lowered here, and raised back. */
static bool can_score(int64_t wanted)
{
    char text[16] = "";
    int fd = fk_descriptor_raise(open(OOM_FILE, O_RDONLY | O_CLOEXEC));
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    int64_t before = len > 0 ? strtol(text, NULL, 10) : 0;
    if (wanted >= before) {
        return true;
    }
    return write_oom_score(wanted) && write_oom_score(before);
}

int fk_limit_check(forker_server *server)
{
    for (int i = 0; i < LIMITS; i++) {
        int64_t wanted = fk_server_option(server, limits[i].option);
        if (wanted >= 0 && !can_raise(limits[i].resource, (rlim_t)wanted)) {
            return fk_server_fail(server, FORKER_E_SYSTEM, "%s: option %s: setrlimit to %s: %s", server->run.verb,
                                  limits[i].name, server->options[limits[i].option].text, strerror(errno));
        }
    }
    int64_t score = fk_server_option(server, FK_OPTION_OOM_SCORE_ADJ);
    if (score >= 0 && !can_score(score)) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "%s: option oom_score_adj: write " OOM_FILE ": %s",
                              server->run.verb, strerror(errno));
    }
    return FORKER_OK;
}

/* Pins the process to the index-th of the CPUs that it may run on, from the start again when there are fewer. */
static bool pin(uint32_t index)
{
    enum { CPUS = 8192 }; /* the most that Linux can be built for */
    size_t size = CPU_ALLOC_SIZE(CPUS);
    cpu_set_t *set = CPU_ALLOC(CPUS);
    if (set == NULL || sched_getaffinity(0, size, set) != 0) {
        CPU_FREE(set);
        return false;
    }
    int nth = (int)(index % (uint32_t)CPU_COUNT_S(size, set)), cpu = 0;
    while (!CPU_ISSET_S((size_t)cpu, size, set) || nth-- > 0) {
        cpu++;
    }
    CPU_ZERO_S(size, set);
    CPU_SET_S((size_t)cpu, size, set);
    bool pinned = sched_setaffinity(0, size, set) == 0;
    CPU_FREE(set);
    return pinned;
}

const char *fk_limit_apply(const forker_server *server, uint32_t index)
{
    for (int i = 0; i < LIMITS; i++) {
        int64_t wanted = fk_server_option(server, limits[i].option);
        if (wanted >= 0 && setrlimit(limits[i].resource, &(struct rlimit){(rlim_t)wanted, (rlim_t)wanted}) != 0) {
            return limits[i].name;
        }
    }
    int64_t score = fk_server_option(server, FK_OPTION_OOM_SCORE_ADJ);
    if (score >= 0 && !write_oom_score(score)) {
        return "oom_score_adj";
    }
    if (fk_server_option(server, FK_OPTION_CPU_AFFINITY) != 0 && !pin(index)) {
        return "cpu_affinity";
    }
    return NULL;
}

/*
 * The kernel doubles the table as descriptors come. Where threads share it, it waits each time until no other processor
 * looks at the old one (expand_fdtable in fs/file.c): for 10 to 45 ms, in which a worker would serve nobody.
 */
void fk_limit_reserve(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > 0) {
        int most = limit.rlim_cur < RESERVED ? (int)limit.rlim_cur : RESERVED;
        int last = fcntl(fd, F_DUPFD_CLOEXEC, most - 1);
        fk_descriptor_close(&last); /* it could not grow, or is taken: then it grows when it has to */
    }
}
