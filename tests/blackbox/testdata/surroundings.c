/*
 * A program with bad surroundings: surroundings <file> <address>. While the file exists, fork fails with the errno that
 * is in it. Before run and in worker_init it installs handlers that ask for no alternate stack, and has them called a
 * thousand times a second.
 */
#define _GNU_SOURCE

#include "ledger.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>

static const char *file;
static volatile sig_atomic_t before_on, before_off, init_on, init_off;

static int32_t fork_or_fail(void *user)
{
    FILE *stream = fopen(file, "r");
    int reason = 0;
    (void)user;
    if (stream == NULL) {
        return (int32_t)fork();
    }
    if (fscanf(stream, "%d", &reason) != 1) {
        reason = EINVAL;
    }
    fclose(stream);
    errno = reason;
    return -1;
}

/* Uses more stack than a goroutine has to spare, and notes whose it is. */
static void count(volatile sig_atomic_t *on, volatile sig_atomic_t *off)
{
    volatile char room[6000];
    stack_t stack;
    memset((char *)(uintptr_t)room, 1, sizeof room);
    if (sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK) != 0) {
        ++*on;
    } else {
        ++*off;
    }
}

static void on_alarm(int number)
{
    (void)number;
    count(&before_on, &before_off);
}

static void on_profile(int number)
{
    (void)number;
    count(&init_on, &init_off);
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(number, &action, NULL);
}

static int worker_init(forker_server *server, int32_t worker, void *user)
{
    struct itimerval often = {{0, 1000}, {0, 1000}};
    install(SIGVTALRM, on_profile);
    if (setitimer(ITIMER_REAL, &often, NULL) != 0 || setitimer(ITIMER_VIRTUAL, &often, NULL) != 0) {
        return -1;
    }
    return tell_worker(server, worker, user);
}

static int stacks(forker_request *req, void *user)
{
    char text[128];
    (void)user;
    for (volatile long i = 0; i < 3000000; i++) { /* so that virtual time passes */
    }
    snprintf(text, sizeof text, "%d %d %d %d", (int)before_on, (int)before_off, (int)init_on, (int)init_off);
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    (void)argc;
    file = argv[1];
    install(SIGALRM, on_alarm);
    forker_server *server = forker_server_new();
    forker_server_set_fork(server, fork_or_fail, NULL);
    forker_server_handle(server, "GET", "/stacks", stacks, NULL);
    forker_server_handle(server, "GET", "/ledger", response_ledger, NULL);
    forker_server_listen(server, argv[2]);
    forker_server_on_worker_init(server, worker_init, NULL);
    return serve_to_end(server);
}
