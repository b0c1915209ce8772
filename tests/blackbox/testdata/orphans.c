/*
 * Leaves orphans: GET /orphans/:n forks n grandchildren that exit at once, and some that exit later. Run it as pid 1 of
 * a pid namespace: orphans <address> [own]. With "own" it has a SIGCHLD handler that waits for nobody.
 */
#define _GNU_SOURCE

#include "ledger.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static int orphans(forker_request *req, void *user)
{
    long wanted = strtol(forker_request_param(req, "n", NULL), NULL, 10);
    (void)user;
    pid_t middle = fork();
    if (middle == 0) {
        for (long i = 0; i < wanted; i++) {
            if (fork() == 0) {
                if (i % 4 == 0) {
                    nanosleep(&(struct timespec){0, 20000000}, NULL);
                }
                _exit((int)i % 100);
            }
        }
        _exit(0);
    }
    int status;
    return waitpid(middle, &status, 0) == middle ? response_text(req, "done\n") : FORKER_E_SYSTEM;
}

static int crash(forker_request *req, void *user)
{
    (void)req;
    raise(SIGSEGV);
    return user == NULL;
}

static void ignore(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    char line[64];
    if (argc > 2) {
        signal(SIGCHLD, ignore);
    }
    snprintf(line, sizeof line, "pid %ld\n", (long)getpid());
    tell(line);
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/orphans/:n", orphans, NULL);
    forker_server_handle(server, "GET", "/crash", crash, NULL);
    forker_server_handle(server, "GET", "/ledger", response_ledger, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
