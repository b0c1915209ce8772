/* Upgrade. */
#include "supervisor/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "base/fork.h"
#include "log/log.h"
#include "setup/admin.h"
#include "setup/inherited.h"
#include "setup/pidfile.h"
#include "supervisor/channel.h"
#include "supervisor/child.h"
#include "supervisor/program.h"
#include "supervisor/readycount.h"
#include "supervisor/signals.h"
#include "supervisor/stop.h"

enum { EXIT_NO_PROGRAM = 127 };

/* Writes an address as FORKER_INHERIT has it. */
static void put_address(FILE *out, const char *address)
{
    for (const char *p = address; *p != '\0'; p++) {
        if (*p == ';' || *p == '%') {
            (void)fprintf(out, "%%%02x", (unsigned)*p);
        } else {
            (void)fputc(*p, out);
        }
    }
}

static void put_socket(FILE *out, int fd, char kind, const char *address)
{
    (void)fcntl(fd, F_SETFD, 0);
    (void)fprintf(out, ";%d%c ", fd, kind);
    put_address(out, address);
}

static void put_listener(FILE *out, const fk_listener *listener)
{
    put_socket(out, listener->fd, listener->made ? 'm' : '-', listener->source);
    for (uint32_t i = 0; i < listener->shard_count; i++) {
        put_socket(out, listener->shards[i], 's', listener->source);
    }
}

/* The variable with the sockets, which from now on stay open over execve(2). NULL: out of memory. */
static char *make_variable(const forker_server *server, int channel, pid_t from)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    (void)fcntl(channel, F_SETFD, 0);
    (void)fprintf(out, FK_INHERITED_VARIABLE "=%d %d %d %d", FK_INHERITED_VERSION, (int)getpid(), (int)from, channel);
    for (uint32_t i = 0; i < server->listener_count; i++) {
        put_listener(out, &server->listeners[i]);
    }
    if (fk_admin_is_open(server)) {
        put_listener(out, &server->tree.admin);
    }
    if (server->tls.tickets_fd >= 0) {
        put_socket(out, server->tls.tickets_fd, 't', "tickets");
    }
    return fclose(out) == 0 ? text : NULL;
}

static bool is_variable(const char *entry, const char *name)
{
    size_t len = strlen(name);
    return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* The environment with that variable in it. A watchdog that watches this process will watch the new one. */
static char **extend_environment(char *variable, pid_t from)
{
    static char watchdog[32];
    const char *watched = getenv("WATCHDOG_PID");
    uint64_t pid;
    bool watches = watched != NULL && fk_ascii_number(watched, INT32_MAX, &pid) && (pid_t)pid == from;
    size_t count = 0, n = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **extended = calloc(count + 3, sizeof *extended);
    if (extended == NULL || variable == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_variable(environ[i], FK_INHERITED_VARIABLE) && !(watches && is_variable(environ[i], "WATCHDOG_PID"))) {
            extended[n++] = environ[i];
        }
    }
    extended[n++] = variable;
    if (watches) {
        (void)snprintf(watchdog, sizeof watchdog, "WATCHDOG_PID=%d", (int)getpid());
        extended[n] = watchdog;
    }
    return extended;
}

/* In the forked child: becomes the program anew. Nothing of the library's signals is left. */
static _Noreturn void become_anew(const fk_spawner *spawner, pid_t from, int channel, const sigset_t *mask)
{
    fk_signals_give_back(spawner->server);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    fk_program_exec(extend_environment(make_variable(spawner->server, channel, from), from));
    fk_log(spawner->server, FORKER_LOG_ERROR, "upgrade: %s cannot be executed: %s", fk_program_path(), strerror(errno));
    _exit(EXIT_NO_PROGRAM);
}

/* Returns NULL, or why there is no new process. */
static const char *start_anew(fk_spawner *spawner)
{
    int ends[2];
    sigset_t all, mask;
    pid_t self = getpid();
    if (!fk_channel_pair(ends)) {
        return strerror(errno);
    }
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &mask); /* no handler of this process runs in the child */
    pid_t pid = fk_fork_own(NULL, NULL);
    if (pid == 0) {
        (void)close(ends[0]);
        become_anew(spawner, self, ends[1], &mask);
    }
    int reason = errno;
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    errno = reason;
    return fk_child_settle(&spawner->heir, pid, ends[0], ends[1]) ? NULL : strerror(errno);
}

static bool is_background(const forker_server *server)
{
    return server->run.background.kind != FK_BACKGROUND_NONE;
}

void fk_upgrade_begin(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    const char *refused = spawner->heir.pid != 0      ? "one is under way"
                          : fk_inherited_is_pending() ? "this process has not taken over yet"
                          : spawner->stopping         ? "the server is stopping"
                          : is_background(server)     ? "it is not the program itself that serves"
                          : getpid() == 1             ? "pid 1 cannot leave its container to another process"
                                                      : start_anew(spawner);
    if (refused != NULL) {
        fk_log(server, FORKER_LOG_ERROR, "upgrade: not possible: %s; serving on", refused);
        return;
    }
    spawner->heir.retry_ns = fk_clock() + (uint64_t)fk_server_option(server, FK_OPTION_UPGRADE_TIMEOUT);
    spawner->heir.failed_boots = 0;
    fk_log(server, FORKER_LOG_INFO, "upgrade: process %d is %s anew", (int)spawner->heir.pid, fk_program_path());
}

bool fk_upgrade_is_pending(const fk_spawner *spawner)
{
    return spawner->heir.pid != 0 && !spawner->handed_over;
}

void fk_upgrade_cancel(fk_spawner *spawner, int32_t timeout_ms)
{
    if (fk_upgrade_is_pending(spawner)) {
        (void)kill(spawner->heir.pid, timeout_ms > 0 ? SIGTERM : SIGINT);
    }
}

void fk_upgrade_arrive(fk_spawner *spawner)
{
    if (fk_inherited_is_pending() && !spawner->stopping && fk_ready_count_is_complete(spawner)) {
        fk_pidfile_take_over(spawner->server);
        fk_inherited_take_over(spawner->server);
    }
}

/* The new process serves: this one has nothing any more that it would have to clean up. */
static void hand_over(fk_spawner *spawner)
{
    forker_server *server = spawner->server;
    fk_log(server, FORKER_LOG_INFO, "upgrade: process %d serves, this one drains and leaves", (int)spawner->heir.pid);
    for (uint32_t i = 0; i < server->listener_count; i++) {
        server->listeners[i].made = false;
    }
    server->tree.admin.made = false;
    fk_notify_main(spawner, spawner->heir.pid);
    spawner->handed_over = true;
    (void)fk_stop(server, -1);
}

/* The new process is gone. If it had taken over, that is no longer a matter of this one. */
static void bury(fk_spawner *spawner, int status)
{
    if (spawner->handed_over) {
        return;
    }
    if (WIFEXITED(status)) {
        fk_log(spawner->server, FORKER_LOG_ERROR, "upgrade: the new process exited with status %d; serving on",
               WEXITSTATUS(status));
    } else {
        fk_log(spawner->server, FORKER_LOG_ERROR, "upgrade: the new process was killed by signal %d; serving on",
               WTERMSIG(status));
    }
}

/* One that does not become ready is told to leave, and killed if it does not do that either. */
static uint64_t meet_deadline(fk_spawner *spawner)
{
    fk_child *heir = &spawner->heir;
    uint64_t now = fk_clock();
    if (!fk_upgrade_is_pending(spawner)) {
        return UINT64_MAX;
    }
    if (now >= heir->retry_ns) {
        fk_log(spawner->server, FORKER_LOG_ERROR, "upgrade: process %d is not ready within upgrade_timeout: %s it",
               (int)heir->pid, heir->failed_boots == 0 ? "stopping" : "killing");
        (void)kill(heir->pid, heir->failed_boots == 0 ? SIGTERM : SIGKILL);
        heir->failed_boots++;
        heir->retry_ns = now + (uint64_t)fk_server_option(spawner->server, FK_OPTION_DRAIN_TIMEOUT) + 1000000000;
    }
    return heir->retry_ns;
}

uint64_t fk_upgrade_follow(fk_spawner *spawner)
{
    fk_child *heir = &spawner->heir;
    char said;
    int status;
    if (fk_inherited_is_answered()) {
        fk_notify_begin(spawner);
    }
    if (heir->pid == 0) {
        return UINT64_MAX;
    }
    ssize_t len = heir->channel >= 0 ? recv(heir->channel, &said, 1, MSG_DONTWAIT) : -1;
    if (len > 0) {
        hand_over(spawner);
    }
    if (len >= 0) {
        fk_descriptor_close(&heir->channel);
    }
    if (fk_child_reap(heir, &status)) {
        bury(spawner, status);
    }
    return meet_deadline(spawner);
}

nfds_t fk_upgrade_poll(const fk_spawner *spawner, struct pollfd *polled)
{
    polled[0] = (struct pollfd){.fd = fk_inherited_channel(), .events = POLLIN};
    polled[1] = (struct pollfd){.fd = spawner->heir.channel, .events = POLLIN};
    polled[2] = (struct pollfd){.fd = spawner->heir.pidfd, .events = POLLIN};
    return spawner->heir.pid != 0 ? 3 : 1;
}

void fk_upgrade_forget(fk_spawner *spawner)
{
    fk_inherited_forget();
    if (spawner->heir.pid != 0) {
        fk_descriptor_close(&spawner->heir.channel);
        fk_descriptor_close(&spawner->heir.pidfd);
    }
}
