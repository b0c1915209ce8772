/*
 * Forks processes of its own that do not execute a program, in handlers and beside the server:
 * strays run|start|open <address>. GET /fork forks one; it tells what it has and what calls return in it, and lives on
 * until a signal ends it. GET /program starts one. Lines on stdin, with start: "fork", "stop" and "wait". With HOLD=1 a child stops itself before
 * the library's fork handler runs in it. Options come from the environment.
 */
#define _GNU_SOURCE

#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { FDS = 1024 };

static forker_server *server;
static int was_open[FDS];
static __thread int forking; /* the program itself */
static char beginning[256];

/* "child 71 fd 5 socket:[1234]" for each descriptor that the program has not begun with. */
static void tell_descriptors(void)
{
    char line[512], path[64], target[256];
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(dir) || (fd < FDS && was_open[fd])) {
            continue;
        }
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t len = readlink(path, target, sizeof target - 1);
        target[len < 0 ? 0 : len] = '\0';
        snprintf(line, sizeof line, "child %d fd %d %s\n", (int)getpid(), fd, target);
        tell(line);
    }
    closedir(dir);
}

/* "child 71 handles 11": not as main had it, where it is the default but for SIGUSR1. */
static void tell_signals(void)
{
    char line[64];
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < SIGRTMIN; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && (action.sa_handler != SIG_DFL) != (number == SIGUSR1)) {
            snprintf(line, sizeof line, "child %d handles %d\n", (int)getpid(), number);
            tell(line);
        }
        if (sigismember(&mask, number) != (number == SIGUSR2)) {
            snprintf(line, sizeof line, "child %d mask %d\n", (int)getpid(), number);
            tell(line);
        }
    }
}

static int nothing(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return 0;
}

static void tell_calls(void)
{
    forker_stats stats = {.size = sizeof stats};
    const int results[] = {forker_server_stop(server, 0),
                           forker_server_reload(server),
                           forker_server_scale(server, 1),
                           forker_server_drain(server),
                           forker_server_reopen(server),
                           forker_server_upgrade(server),
                           forker_server_run(server),
                           forker_server_start(server),
                           forker_server_open(server),
                           forker_server_wait(server, 0),
                           forker_server_poll(server, 0),
                           forker_server_poll_fd(server),
                           forker_server_set(server, "workers", "1"),
                           forker_server_listen(server, "127.0.0.1:0"),
                           forker_server_handle(server, "GET", "/more", nothing, NULL),
                           forker_server_log(server, FORKER_LOG_INFO, "of a child"),
                           forker_server_stats(server, &stats)};
    char line[64];
    forker_server_free(server); /* a no-op */
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        if (results[i] != FORKER_E_PROCESS) {
            snprintf(line, sizeof line, "child %d call %zu gives %d\n", (int)getpid(), i, results[i]);
            tell(line);
        }
    }
}

static _Noreturn void live_on(void)
{
    char line[64];
    tell_descriptors();
    tell_signals();
    tell_calls();
    snprintf(line, sizeof line, "child %d lives\n", (int)getpid());
    tell(line);
    for (;;) {
        pause();
    }
}

static pid_t fork_child(void)
{
    char line[64];
    forking = 1;
    pid_t pid = fork();
    forking = 0;
    if (pid == 0) {
        live_on();
    }
    snprintf(line, sizeof line, "forked %d\n", (int)pid);
    tell(line);
    return pid;
}

static int fork_here(forker_request *req, void *user)
{
    (void)user;
    return fork_child() > 0 ? response_text(req, "forked\n") : FORKER_E_SYSTEM;
}

static int ok(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    return response_text(req, text);
}

/* What a program that is started here begins with: the signals that it ignores, and blocks. */
static void read_beginning(char *text, size_t size)
{
    FILE *program = popen("exec grep -E 'Sig(Ign|Blk)' /proc/self/status", "r");
    size_t len = program != NULL ? fread(text, 1, size - 1, program) : 0;
    text[len] = '\0';
    if (program != NULL) {
        pclose(program);
    }
}

/* "as in main", or what is different. */
static int start_program(forker_request *req, void *user)
{
    char text[256];
    (void)user;
    read_beginning(text, sizeof text);
    return response_text(req, strcmp(text, beginning) == 0 ? "as in main\n" : text);
}

static int start_program_in_hook(forker_server *own, int32_t worker, void *user)
{
    char text[256];
    read_beginning(text, sizeof text);
    tell(strcmp(text, beginning) == 0 ? "hook as in main\n" : text);
    return user == NULL ? tell_worker(own, worker, NULL) : FORKER_OK;
}

static void hold(void)
{
    if (forking) {
        raise(SIGSTOP);
    }
}

static void own_handler(int number)
{
    (void)number;
}

static int serve_with_start(void)
{
    char command[64], line[64];
    int code = forker_server_start(server);
    while (code == FORKER_OK && fgets(command, sizeof command, stdin) != NULL) {
        if (strcmp(command, "fork\n") == 0) {
            fork_child();
        } else if (strcmp(command, "stop\n") == 0) {
            forker_server_stop(server, 1000);
        } else if (strcmp(command, "wait\n") == 0) {
            snprintf(line, sizeof line, "wait %d\n", forker_server_wait(server, -1));
            tell(line);
        }
    }
    return code;
}

static int serve_with_poll(void)
{
    int code = forker_server_open(server) == FORKER_OK;
    while (code > 0) {
        code = forker_server_poll(server, -1);
    }
    return code;
}

static void own_stop(int number)
{
    (void)number;
    forker_server_stop(server, 1000);
}

int main(int argc, char **argv)
{
    sigset_t usr2;
    for (int fd = 0; fd < FDS; fd++) {
        was_open[fd] = fcntl(fd, F_GETFD) >= 0;
    }
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    sigprocmask(SIG_SETMASK, &usr2, NULL);
    if (argc != 3 || (getenv("HOLD") != NULL && pthread_atfork(NULL, NULL, hold) != 0)) {
        return 2;
    }
    signal(SIGUSR1, own_handler);
    read_beginning(beginning, sizeof beginning);
    server = forker_server_new();
    forker_server_handle(server, "GET", "/fork", fork_here, NULL);
    forker_server_handle(server, "GET", "/", ok, NULL);
    forker_server_listen(server, argv[2]);
    if (getenv("TEST_CERTIFICATE") != NULL) {
        forker_server_certificate(server, getenv("TEST_CERTIFICATE"), getenv("TEST_KEY"));
        forker_server_listen(server, "127.0.0.1:0?tls=on");
        forker_grpc_health(server, "", FORKER_HEALTH_SERVING);
    }
    forker_server_handle(server, "GET", "/program", start_program, NULL);
    forker_server_on_post_fork(server, start_program_in_hook, server);
    forker_server_on_worker_init(server, start_program_in_hook, NULL);
    tell_addresses(server);
    if (strcmp(argv[1], "open") == 0) {
        signal(SIGUSR1, own_stop);
    }
    int code = strcmp(argv[1], "run") == 0     ? forker_server_run(server)
               : strcmp(argv[1], "start") == 0 ? serve_with_start()
                                               : serve_with_poll();
    forker_server_free(server);
    tell("ended\n");
    return code == FORKER_OK ? 0 : 1;
}
