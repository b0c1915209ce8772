/*
 * Tells what its processes are allowed to do and how they look: process <address> ... With BECOME=<uid> it is not root
 * when it sets up the server; with SECUREBITS=<number> it has these bits (capabilities(7)), and what capabilities can
 * outlive a change of user by. Options come from the environment.
 */
#define _GNU_SOURCE

#include "program.h"

#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

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
    return response_text(req, text);
}

/* Tries to be root again by all the capabilities that there are. */
static int come_back(forker_request *req, void *user)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    (void)user;
    if (syscall(SYS_capget, &head, sets) != 0) {
        return FORKER_E_SYSTEM;
    }
    sets[0].effective = sets[0].permitted;
    sets[1].effective = sets[1].permitted;
    if (syscall(SYS_capset, &head, sets) != 0 || setresuid(0, 0, 0) != 0) {
        return response_text(req, "no way back");
    }
    return response_text(req, "root again");
}

/* GET /trace?71: what ptrace(2) lets a worker do to process 71. */
static int trace(forker_request *req, void *user)
{
    char path[64], text[256], byte;
    const char *query = forker_request_query(req, NULL);
    pid_t pid = (pid_t)strtol(query != NULL ? query : "0", NULL, 10);
    struct iovec here = {&byte, 1}, there = {user, 1};
    if (pid == getpid()) {
        return response_text(req, "itself");
    }
    snprintf(path, sizeof path, "/proc/%d/root/.", (int)pid);
    int opened = access(path, F_OK);
    snprintf(path, sizeof path, "/%d/root/.", (int)pid); /* where /proc is the root directory */
    opened = opened == 0 ? opened : access(path, F_OK);
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    long seized = ptrace(PTRACE_SEIZE, pid, NULL, NULL);
    if (seized == 0) {
        (void)ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
        (void)waitpid(pid, NULL, __WALL);
        (void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
    }
    snprintf(text, sizeof text, "seized %s\nread %s\nroot %s\n", seized == 0 ? "yes" : "no", got == 1 ? "yes" : "no",
             opened == 0 ? "yes" : "no");
    return response_text(req, text);
}

/* GET /run: whether $PROGRAM, this program with set-user-ID root, is root when a handler starts it. */
static int run(forker_request *req, void *user)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        (void)execl(getenv("PROGRAM"), "gain", (char *)NULL);
        _exit(127);
    }
    (void)user;
    (void)waitpid(pid, &status, 0);
    return response_text(req, WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "gains" : "gains nothing");
}

/* argv as main got it: "process 127.0.0.1:0". */
static int arguments(forker_request *req, void *user)
{
    char text[1024];
    int len = 0;
    for (char **argv = user; *argv != NULL; argv++) {
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%s", argv == user ? "" : " ", *argv);
    }
    return response_text(req, text);
}

static int crash(forker_request *req, void *user)
{
    (void)req;
    abort();
    return user == NULL;
}

/* With all capabilities inheritable and ambient, and the bits. */
static bool take_securebits(const char *bits)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &head, sets) != 0) {
        return false;
    }
    sets[0].inheritable = sets[0].permitted;
    sets[1].inheritable = sets[1].permitted;
    if (syscall(SYS_capset, &head, sets) != 0) {
        return false;
    }
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
    }
    return prctl(PR_SET_SECUREBITS, strtoul(bits, NULL, 0), 0, 0, 0) == 0;
}

int main(int argc, char **argv)
{
    const char *become = getenv("BECOME"), *bits = getenv("SECUREBITS");
    if (argc > 0 && strcmp(argv[0], "gain") == 0) { /* set-user-ID, by run() */
        return geteuid() == 0 ? 0 : 1;
    }
    if (bits != NULL && !take_securebits(bits)) {
        return 2;
    }
    if (become != NULL && setuid((uid_t)strtoul(become, NULL, 10)) != 0) {
        return 2;
    }
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/self", self, NULL);
    forker_server_handle(server, "GET", "/arguments", arguments, argv);
    forker_server_handle(server, "GET", "/crash", crash, NULL);
    forker_server_handle(server, "GET", "/come-back", come_back, NULL);
    forker_server_handle(server, "GET", "/trace", trace, server);
    forker_server_handle(server, "GET", "/run", run, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
