/* Telling the service manager. */
#include "supervisor/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "log/log.h"
#include "setup/inherited.h"
#include "supervisor/control.h"
#include "supervisor/readycount.h"
#include "supervisor/telling.h"

enum { TEXT_MAX = 256, SEND_MS = 500 };

/*
 * Sends one datagram. A manager that does not read is waited for, for a while: a READY=1 that is lost would fail the
 * start.
 */
__attribute__((format(printf, 2, 3))) static void tell(fk_spawner *spawner, const char *format, ...)
{
    const fk_notify *notify = &spawner->notify;
    char text[TEXT_MAX];
    va_list args;
    if (notify->size == 0 || fk_inherited_is_spoken_for() ||
        spawner->handed_over) { /* another process is the service */
        return;
    }
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct timeval patience = {.tv_usec = SEND_MS * 1000};
    int fd = fk_descriptor_raise(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (sendto(fd, text, (size_t)len, MSG_NOSIGNAL, (const struct sockaddr *)&notify->name, notify->size) < 0) {
        fk_log(spawner->server, FORKER_LOG_WARN, "the service manager cannot be told: %s", strerror(errno));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/*
 * The interval of WATCHDOG=1: half of what the manager allows, as sd_watchdog_enabled(3) recommends. 0: it does not
 * watch us.
 */
static uint64_t watchdog_interval(void)
{
    const char *usec = secure_getenv("WATCHDOG_USEC"), *pid = secure_getenv("WATCHDOG_PID");
    uint64_t allowed, watched;
    if (usec == NULL || !fk_ascii_number(usec, UINT64_MAX / 1000, &allowed)) {
        return 0;
    }
    if (pid != NULL && (!fk_ascii_number(pid, INT32_MAX, &watched) || (pid_t)watched != getpid())) {
        return 0;
    }
    return allowed * 1000 / 2;
}

void fk_notify_open(fk_spawner *spawner)
{
    fk_notify *notify = &spawner->notify;
    const char *path = secure_getenv("NOTIFY_SOCKET");
    *notify = (fk_notify){.name.sun_family = AF_UNIX};
    if (path == NULL || spawner->server->run.background.kind != FK_BACKGROUND_NONE ||
        fk_server_option(spawner->server, FK_OPTION_NOTIFY) == 0) {
        return;
    }
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len < 2 || len >= sizeof notify->name.sun_path) {
        fk_log(spawner->server, FORKER_LOG_WARN, "NOTIFY_SOCKET is no unix socket: %s", path);
        return;
    }
    memcpy(notify->name.sun_path, path, len);
    if (path[0] == '@') {
        notify->name.sun_path[0] = '\0'; /* an abstract address, unix(7) */
    }
    notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    notify->watchdog_ns = watchdog_interval();
}

static bool is_settled(const fk_spawner *spawner)
{
    const fk_shared *shared = spawner->server->tree.shared;
    return __atomic_load_n(&shared->settled, __ATOMIC_ACQUIRE) == shared->epoch || shared->held != 0;
}

void fk_notify_published(fk_spawner *spawner)
{
    fk_notify *notify = &spawner->notify;
    uint32_t ready = fk_ready_count_ready(spawner), wanted = fk_ready_count_wanted(spawner);
    if (notify->watchdog_ns > 0) {
        tell(spawner, "WATCHDOG=1");
    }
    if (notify->stopping) {
        return;
    }
    if (!notify->ready && fk_ready_count_is_complete(spawner)) {
        notify->ready = true;
        tell(spawner, "READY=1\nSTATUS=%u of %u workers are ready", ready, wanted);
    } else if (notify->reloading && is_settled(spawner)) {
        fk_notify_reloaded(spawner);
    } else if (ready != notify->told_ready || wanted != notify->told_wanted) {
        tell(spawner, "STATUS=%u of %u workers are ready", ready, wanted);
    }
    notify->told_ready = ready;
    notify->told_wanted = wanted;
}

void fk_notify_reloading(fk_spawner *spawner)
{
    spawner->notify.reloading = true;
    tell(spawner, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=replacing the workers",
         (unsigned long long)(fk_clock() / 1000));
}

void fk_notify_reloaded(fk_spawner *spawner)
{
    spawner->notify.reloading = false;
    tell(spawner, "READY=1\nSTATUS=%u of %u workers are ready", fk_ready_count_ready(spawner),
         fk_ready_count_wanted(spawner));
}

void fk_notify_stopping(fk_spawner *spawner)
{
    if (!spawner->notify.stopping) {
        spawner->notify.stopping = true;
        tell(spawner, "STOPPING=1\nSTATUS=finishing what has begun");
    }
}

void fk_notify_main(fk_spawner *spawner, pid_t pid)
{
    tell(spawner, "MAINPID=%d%s", (int)pid, spawner->notify.watchdog_ns > 0 ? "\nWATCHDOG=1" : "");
}

void fk_notify_begin(fk_spawner *spawner)
{
    fk_notify *notify = &spawner->notify;
    bool reloading = notify->reloading;
    fk_notify_reloaded(spawner); /* READY=1 also ends a reload that the other one was in */
    if (reloading) {
        fk_notify_reloading(spawner);
    }
    if (notify->stopping) {
        notify->stopping = false;
        fk_notify_stopping(spawner);
    }
}

uint64_t fk_notify_watch(fk_spawner *spawner)
{
    enum { HURRY = 4 };
    fk_notify *notify = &spawner->notify;
    uint64_t now = fk_clock();
    if (notify->watchdog_ns == 0) {
        return UINT64_MAX;
    }
    if (now >= notify->ping_ns) {
        /*
         * Without a master there is one soon: it is asked then, and not only after another half of the time that is
         * left.
         */
        notify->ping_ns = now + notify->watchdog_ns / (spawner->master_ready ? 1 : HURRY);
        fk_tell(spawner, FK_MSG_PING, NULL, 0);
    }
    return notify->ping_ns;
}
