/*
 * A server whose handlers crash or never return: crash <address> <which handlers the program has of its own: none,
 * plain, info>. The program's own handler, installed before run, tells that it was called, and returns.
 */
#define _GNU_SOURCE

#include "ledger.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

typedef int (*crasher)(void);

/* Not static, so that the backtrace can name them. */
int write_to_null(void);
int divide_by_zero(void);
int recurse(int depth);
int overflow_stack(void);
int call_abort(void);
int run_trap(void);
int corrupt_heap(void);
int lock_twice(void);
int loop_for_ever(void);
int call_exit(void);

static volatile int zero;
static int *volatile null_pointer;

int write_to_null(void)
{
    *null_pointer = 1;
    return 0;
}

int divide_by_zero(void)
{
    raise(SIGFPE); /* a division is not a fault on every machine */
    return zero;
}

int recurse(int depth)
{
    volatile char room[4096];
    memset((char *)room, depth & 1, sizeof room);
    return depth < 0 ? 0 : recurse(depth + 1) + room[depth % 4096];
}

int overflow_stack(void)
{
    return recurse(1);
}

int call_abort(void)
{
    abort();
    return 0;
}

int run_trap(void)
{
    __builtin_trap();
    return 0;
}

/*
 * Writes over the size that malloc keeps in front of a block. glibc finds it when the block is freed, and calls
 * abort().
 */
int corrupt_heap(void)
{
    char *volatile block = malloc(40);
    ((volatile size_t *)(uintptr_t)block)[-1] = (size_t)-16;
    free(block);
    return 0;
}

int lock_twice(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    return pthread_mutex_lock(&lock) + pthread_mutex_lock(&lock);
}

int loop_for_ever(void)
{
    volatile int always = 1;
    while (always) {
    }
    return 0;
}

int call_exit(void)
{
    exit(3);
    return 0;
}

static const struct {
    const char *name;
    crasher crash;
} crashes[] = {
    {"null", write_to_null},  {"fpe", divide_by_zero}, {"overflow", overflow_stack},
    {"abort", call_abort},    {"trap", run_trap},      {"heap", corrupt_heap},
    {"deadlock", lock_twice}, {"loop", loop_for_ever}, {"exit", call_exit},
};

static int crash(forker_request *req, void *user)
{
    const char *name = forker_request_param(req, "name", NULL);
    int sum = 0;
    (void)user;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        if (strcmp(name, crashes[i].name) == 0) {
            sum += crashes[i].crash();
        }
    }
    return response_text(req, sum == 0 ? "still here\n" : "wrong\n");
}

static void own_plain(int number)
{
    tell(number == SIGSEGV ? "own handler: SIGSEGV\n" : "own handler: another\n");
}

static void own_info(int number, siginfo_t *info, void *context)
{
    char line[64];
    snprintf(line, sizeof line, "own handler: %d at %p%s\n", number, info->si_addr, context == NULL ? " nowhere" : "");
    tell(line);
}

static void install(const char *which)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    if (strcmp(which, "plain") == 0) {
        action.sa_handler = own_plain;
        sigaction(SIGSEGV, &action, NULL);
    }
    if (strcmp(which, "info") == 0) {
        action.sa_sigaction = own_info;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &action, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    install(argv[2]);
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/crash/:name", crash, NULL);
    forker_server_handle(server, "GET", "/ledger", response_ledger, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
