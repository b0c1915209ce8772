/*
 * Serves while the program goes on: background <address> ... Lines on stdin are commands: start, stop, wait <ms>, and
 * free, which ends it. Each is answered by a line on stdout, "start 0 spawner 71: " with the sentence of the error
 * behind. Options come from the environment.
 */
#define _GNU_SOURCE

#include "program.h"

#include <signal.h>
#include <stdlib.h>

static forker_server *server;

static int hello(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

/* "served by 71, child of 70". */
static int self(forker_request *req, void *user)
{
    char text[64];
    (void)user;
    snprintf(text, sizeof text, "%d %d\n", (int)getpid(), (int)getppid());
    return response_text(req, text);
}

static int stop_from_handler(forker_request *req, void *user)
{
    (void)user;
    forker_server_stop(server, 1000);
    return response_text(req, "stopping\n");
}

/* What only the program's own thread may do. */
static int wait_from_handler(forker_request *req, void *user)
{
    char text[64];
    (void)user;
    forker_server_free(server);
    snprintf(text, sizeof text, "wait %d start %d\n", forker_server_wait(server, -1), forker_server_start(server));
    return response_text(req, text);
}

static int slow(forker_request *req, void *user)
{
    (void)user;
    tell("slow begins\n");
    usleep(300000);
    return response_text(req, "slow\n");
}

static int fail(forker_server *own, int32_t worker, void *user)
{
    (void)own;
    (void)worker;
    (void)user;
    return getenv("HANG") != NULL ? (int)sleep(1000) : -77;
}

static void set_up(char **addresses)
{
    server = forker_server_new();
    forker_server_handle(server, "GET", "/", hello, NULL);
    forker_server_handle(server, "GET", "/self", self, NULL);
    forker_server_handle(server, "GET", "/stop", stop_from_handler, NULL);
    forker_server_handle(server, "GET", "/wait", wait_from_handler, NULL);
    forker_server_handle(server, "GET", "/slow", slow, NULL);
    for (; *addresses != NULL; addresses++) {
        forker_server_listen(server, *addresses);
    }
    forker_server_on_worker_init(server, getenv("FAIL") != NULL ? fail : tell_worker, NULL);
    tell_addresses(server);
}

static void result(const char *what, int code)
{
    char line[1024];
    forker_stats stats = {.size = sizeof stats};
    forker_server_stats(server, &stats);
    snprintf(line, sizeof line, "%s %d spawner %d: %s\n", what, code, (int)stats.spawner_pid,
             forker_server_error(server));
    tell(line);
}

static void own_handler(int number)
{
    (void)number;
    tell("the program's own handler\n");
}

int main(int argc, char **argv)
{
    char command[64];
    (void)argc;
    set_up(argv + 1);
    signal(SIGUSR1, own_handler);
    signal(SIGINT, own_handler);
    while (fgets(command, sizeof command, stdin) != NULL) {
        if (strcmp(command, "start\n") == 0) {
            result("start", forker_server_start(server));
        } else if (strcmp(command, "stop\n") == 0) {
            result("stop", forker_server_stop(server, -1));
        } else if (strncmp(command, "wait ", 5) == 0) {
            result("wait", forker_server_wait(server, (int32_t)strtol(command + 5, NULL, 10)));
        } else if (strcmp(command, "free\n") == 0) {
            forker_server_free(server);
            tell("freed\n");
            return 0;
        } else {
            abort();
        }
    }
    return 0;
}
