/*
 * Tells what its processes are allowed to do and how they look: process <address> ... With BECOME=<uid> it is not root
 * when it sets up the server. Options come from the environment.
 */
#define _GNU_SOURCE

#include "program.h"

#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* "uid 65534 65534 65534\n" and so on, one fact a line. */
static int self(forker_request *req, void *user)
{
    char text[2048], directory[256] = "";
    uid_t uids[3];
    gid_t gids[3], groups[32];
    struct rlimit files, core;
    cpu_set_t cpus;
    int death = 0, len = 0;
    (void)user;
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0 ||
        getrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_CORE, &core) != 0 ||
        prctl(PR_GET_PDEATHSIG, &death) != 0 || sched_getaffinity(0, sizeof cpus, &cpus) != 0 ||
        getcwd(directory, sizeof directory) == NULL) {
        return FORKER_E_SYSTEM;
    }
    len += snprintf(text, sizeof text, "uid %u %u %u\ngid %u %u %u\ngroups", uids[0], uids[1], uids[2], gids[0],
                    gids[1], gids[2]);
    int count = getgroups(32, groups);
    for (int i = 0; i < count; i++) {
        len += snprintf(text + len, sizeof text - (size_t)len, " %u", groups[i]);
    }
    snprintf(text + len, sizeof text - (size_t)len,
             "\ncan be root %s\ndeath signal %d\ndumpable %d\nfiles %lu %lu\ncore %lu %lu\ncpus %d\ndirectory %s\n"
             "sees accounts %s\n",
             setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0 ? "yes" : "no", death, prctl(PR_GET_DUMPABLE),
             (unsigned long)files.rlim_cur, (unsigned long)files.rlim_max, (unsigned long)core.rlim_cur,
             (unsigned long)core.rlim_max, CPU_COUNT(&cpus), directory,
             access("/etc/passwd", F_OK) == 0 ? "yes" : "no");
    return answer_text(req, text);
}

/* argv as main got it: "process 127.0.0.1:0". */
static int arguments(forker_request *req, void *user)
{
    char text[1024];
    int len = 0;
    for (char **argv = user; *argv != NULL; argv++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%s", argv == user ? "" : " ", *argv);
    }
    return answer_text(req, text);
}

static int crash(forker_request *req, void *user)
{
    (void)req;
    abort();
    return user == NULL;
}

int main(int argc, char **argv)
{
    const char *become = getenv("BECOME");
    if (become != NULL && setuid((uid_t)strtoul(become, NULL, 10)) != 0) {
        return 2;
    }
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/self", self, NULL);
    forker_server_handle(server, "GET", "/arguments", arguments, argv);
    forker_server_handle(server, "GET", "/crash", crash, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
