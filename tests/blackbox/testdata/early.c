/*
 * What comes between set-up and run: early <what> <address>, with workers and so on from the environment.
 *
 *   stop      forker_server_stop() before run, from a signal's handler; then a second run, which serves
 *   start     the same with forker_server_start()
 *   daemon    daemon(3); the process that it leaves tells its pid
 *   parent    forks a child that runs the server, while the parent frees its own
 *   again     runs a second time, in a child, a server that has been run
 */
#define _GNU_SOURCE

#include "program.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static forker_server *server;

static void on_signal(int number)
{
    (void)number;
    forker_server_stop(server, 0);
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

static int run_stopped(void)
{
    raise(SIGUSR1);
    if (run_and_tell(server) != 0) {
        return 1;
    }
    tell("serving again\n");
    return run_and_tell(server);
}

static int start_stopped(void)
{
    char line[64];
    raise(SIGUSR1);
    snprintf(line, sizeof line, "start %d\n", forker_server_start(server));
    tell(line);
    snprintf(line, sizeof line, "wait %d\n", forker_server_wait(server, -1));
    tell(line);
    return 0;
}

static int run_as_daemon(void)
{
    char line[64];
    if (daemon(1, 1) != 0) {
        return 2;
    }
    snprintf(line, sizeof line, "daemon %d\n", (int)getpid());
    tell(line);
    return run_and_tell(server);
}

static int run_in_child(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        return run_and_tell(server);
    }
    forker_server_free(server);
    server = NULL;
    tell("freed\n");
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : 2;
}

static int run_again_in_child(void)
{
    return run_and_tell(server) == 0 ? run_in_child() : 1;
}

int main(int argc, char **argv)
{
    static int (*const ways[])(void) = {run_stopped, start_stopped, run_as_daemon, run_in_child, run_again_in_child};
    static const char *const names[] = {"stop", "start", "daemon", "parent", "again"};
    int status = 2;
    server = forker_server_new();
    signal(SIGUSR1, on_signal);
    forker_server_handle(server, "GET", "/", hello, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argc == 3 ? argv[2] : "");
    tell_addresses(server);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(argv[1], names[i]) == 0) {
            status = ways[i]();
        }
    }
    forker_server_free(server);
    return status;
}
