/*
 * What loading the library does to a process: load <path of the library>. It is not linked with it. Prints "dlopen
 * <microseconds>".
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What must not change. */
typedef struct {
    int threads;
    unsigned char fds[64];
    struct sigaction actions[65];
    sigset_t mask;
} process_state;

static void list(const char *path, int *count, unsigned char *marks, size_t size)
{
    DIR *entries = opendir(path);
    for (const struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || (marks != NULL && number == dirfd(entries))) {
            continue;
        }
        ++*count;
        if (marks != NULL && number >= 0 && (size_t)number < size) {
            marks[number] = 1;
        }
    }
    closedir(entries);
}

static void look(process_state *state)
{
    int fds = 0;
    memset(state, 0, sizeof *state);
    list("/proc/self/task", &state->threads, NULL, 0);
    list("/proc/self/fd", &fds, state->fds, sizeof state->fds);
    for (int number = 1; number <= 64; number++) {
        sigaction(number, NULL, &state->actions[number]);
    }
    sigprocmask(SIG_SETMASK, NULL, &state->mask);
}

/* Not by memcmp(3): glibc leaves the part of a mask that the kernel does not know as it finds it. */
static int same_action(const struct sigaction *a, const struct sigaction *b)
{
    int same = a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags;
    for (int number = 1; number <= 64; number++) {
        same = same && sigismember(&a->sa_mask, number) == sigismember(&b->sa_mask, number);
    }
    return same;
}

static int compare(const process_state *a, const process_state *b, const char *when)
{
    int failures = 0;
    if (a->threads != 1 || b->threads != 1) {
        fprintf(stderr, "%s: %d threads\n", when, b->threads);
        failures++;
    }
    if (memcmp(a->fds, b->fds, sizeof a->fds) != 0) {
        fprintf(stderr, "%s: other descriptors are open\n", when);
        failures++;
    }
    for (int number = 1; number <= 64; number++) {
        if (!same_action(&a->actions[number], &b->actions[number]) ||
            sigismember(&a->mask, number) != sigismember(&b->mask, number)) {
            fprintf(stderr, "%s: signal %d has another disposition or is blocked\n", when, number);
            failures++;
        }
    }
    return failures;
}

static int handler(void *req, void *user)
{
    (void)req;
    (void)user;
    return -1;
}

typedef void *new_server(void);
typedef int handle(void *server, const char *methods, const char *pattern, int (*handler)(void *, void *), void *user);
typedef void free_server(void *server);

/* ISO C has no conversion from void * to a function pointer, POSIX wants one. */
typedef union {
    void *symbol;
    new_server *make;
    handle *add;
    free_server *release;
} function;

static function find(void *library, const char *name)
{
    return (function){.symbol = dlsym(library, name)};
}

static int check_setup(void *library, const process_state *before)
{
    process_state after;
    void *server = find(library, "forker_server_new").make();
    if (find(library, "forker_server_handle").add(server, "GET", "/", handler, NULL) != 0) {
        fprintf(stderr, "a route cannot be registered\n");
        return 1;
    }
    look(&after);
    int failures = compare(before, &after, "after registering a route");
    find(library, "forker_server_free").release(server);
    return failures;
}

int main(int argc, char **argv)
{
    static process_state before, after;
    struct timespec begin, end;
    if (argc != 2) {
        return 2;
    }
    look(&before);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    look(&after);
    printf("dlopen %ld\n", (end.tv_sec - begin.tv_sec) * 1000000 + (end.tv_nsec - begin.tv_nsec) / 1000);
    return compare(&before, &after, "after dlopen") + check_setup(library, &before) == 0 ? 0 : 1;
}
