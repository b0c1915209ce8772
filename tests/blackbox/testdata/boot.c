/*
 * A server whose hooks tell when they are called and whose workers fail to boot: boot <address> <how> <worker>, where
 * worker -1 is every one. Forks are told too: "fork <CLOCK_MONOTONIC in ms> <pid>".
 */
#define _GNU_SOURCE

#include "program.h"

#include <dirent.h>
#include <stdlib.h>
#include <time.h>

static const char *how;
static int32_t failing;

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        count += task->d_name[0] != '.';
    }
    closedir(tasks);
    return count;
}

static int32_t fork_and_tell(void *user)
{
    char line[64];
    struct timespec now;
    (void)user;
    pid_t pid = fork();
    if (pid > 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(line, sizeof line, "fork %lld %ld\n", (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000, (long)pid);
        tell(line);
    }
    return (int32_t)pid;
}

static void tell_hook(const char *hook, int32_t worker)
{
    char line[64];
    snprintf(line, sizeof line, "%s %d %ld %d\n", hook, (int)worker, (long)getpid(), count_threads());
    tell(line);
}

static int post_fork(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    tell_hook(user, worker);
    return strcmp(how, "post_fork") == 0 && (failing < 0 || failing == worker) ? -5 : FORKER_OK;
}

static int worker_init(forker_server *server, int32_t worker, void *user)
{
    tell_hook(user, worker);
    if (failing >= 0 && failing != worker) {
        return FORKER_OK;
    }
    if (strcmp(how, "worker_init") == 0) {
        forker_server_log(server, FORKER_LOG_ERROR, "no database today");
        return -7;
    }
    if (strcmp(how, "exit") == 0) {
        _exit(7);
    }
    if (strcmp(how, "abort") == 0) {
        abort();
    }
    if (strcmp(how, "hang") == 0) {
        pause();
    }
    return FORKER_OK;
}

static int worker_exit(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    tell_hook(user, worker);
    if (strcmp(how, "exit_hang") == 0) {
        pause();
    }
    return FORKER_OK;
}

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    how = argv[2];
    failing = atoi(argv[3]);
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_post_fork(server, post_fork, "post_fork");
    forker_server_on_worker_init(server, worker_init, "worker");
    forker_server_on_worker_exit(server, worker_exit, "worker_exit");
    forker_server_set_fork(server, fork_and_tell, NULL);
    return serve_to_end(server);
}
