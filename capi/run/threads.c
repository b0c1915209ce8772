/*
 * The threads that a process has before it forks. Of most programs they are helpers that the workers can do without, or
 * not: nobody can tell, and there is a warning. A managed runtime is another matter: its collector of garbage works on
 * threads of its own and stops all others, which are not there in a forked process, and so a worker would hang at the
 * first collection, perhaps after hours. Such a runtime is found by what is loaded.
 */
#include "run/threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/log.h"

enum { THREADS_AUTO, THREADS_IGNORE, THREADS_WARN, THREADS_REFUSE };

typedef struct {
    const char *file; /* whose name begins so */
    const char *runtime;
} sign;

static const sign libraries[] = {
    {"libjvm.so", "Java"}, {"libnode.so", "Node.js"}, {"libcoreclr.so", ".NET"}, {"libmonosgen-", "Mono"}};
static const sign programs[] = {{"node", "Node.js"}, {"nodejs", "Node.js"}, {"deno", "Deno"}, {"bun", "Bun"}};

/* How many threads the process has; 0 if /proc cannot tell. */
static int count_threads(void)
{
    int count = 0;
    DIR *tasks = fdopendir(fk_descriptor_raise(open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (tasks == NULL) {
        return 0;
    }
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        count += task->d_name[0] != '.';
    }
    (void)closedir(tasks);
    return count;
}

/*
 * What the Go linker puts into the data of each program and library (.go.buildinfo, see debug/buildinfo), at a multiple
 * of 16.
 */
static bool has_go_mark(const char *data, size_t size)
{
    static const char mark[] = "\xff Go buildinf:";
    for (size_t at = (16 - (uintptr_t)data % 16) % 16; at + sizeof mark <= size; at += 16) {
        if (memcmp(data + at, mark, sizeof mark - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an object was made by the Go linker and is not this library. */
static bool is_foreign_go(const struct dl_phdr_info *object)
{
    bool found = false;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
        if (segment->p_type != PT_LOAD) {
            continue;
        }
        if ((uintptr_t)libraries - begin < segment->p_memsz) {
            return false;
        }
        bool is_data = (segment->p_flags & (PF_R | PF_W)) == (PF_R | PF_W);
        found = found || (is_data && has_go_mark((const char *)begin, segment->p_filesz));
    }
    return found;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static int look_at_object(struct dl_phdr_info *object, size_t size, void *user)
{
    const char **runtime = user;
    const char *name = base_name(object->dlpi_name);
    (void)size;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        if (strncmp(name, libraries[i].file, strlen(libraries[i].file)) == 0) {
            *runtime = libraries[i].runtime;
        }
    }
    if (*runtime == NULL && is_foreign_go(object)) {
        *runtime = "Go";
    }
    return *runtime != NULL;
}

/* The managed runtime that this process has; NULL: none that is known. */
static const char *find_runtime(void)
{
    const char *runtime = NULL;
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len < 0 ? 0 : len] = '\0';
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        if (strcmp(base_name(path), programs[i].file) == 0) {
            return programs[i].runtime;
        }
    }
    (void)dl_iterate_phdr(look_at_object, &runtime);
    return runtime;
}

static int refuse_runtime(forker_server *server, int threads, const char *runtime)
{
    return fk_server_fail(
        server, FORKER_E_THREADS,
        "%s: the process has %d threads, some of them of %s, which would hang in forked workers without "
        "them; set option workers=0 to serve in this process, or threads=warn",
        server->run.verb, threads, runtime);
}

int fk_threads_check(forker_server *server)
{
    int64_t wanted = fk_server_option(server, FK_OPTION_THREADS);
    int threads = wanted == THREADS_IGNORE ? 0 : count_threads();
    if (threads <= 1) {
        return FORKER_OK;
    }
    const char *runtime = wanted == THREADS_AUTO ? find_runtime() : NULL;
    if (runtime != NULL) {
        return refuse_runtime(server, threads, runtime);
    }
    if (wanted == THREADS_REFUSE) {
        return fk_server_fail(
            server, FORKER_E_THREADS,
            "%s: the process has %d threads, and fork carries over only one; call %s before they are started",
            server->run.verb, threads, server->run.verb);
    }
    fk_log(server, FORKER_LOG_WARN,
           "the process has %d threads; only the one that called %s exists in the workers, and a lock that another "
           "one holds now stays locked there",
           threads, server->run.verb);
    return FORKER_OK;
}
