/*
 * The pid file. It is written and locked under another name and then given its own, so that whoever looks finds a whole
 * one or none. Who wants to replace a stale one locks that first, so that of two only one does.
 */
#include "setup/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/path.h"
#include "base/procstat.h"
#include "log/log.h"
#include "setup/inherited.h"

enum { TRIES = 100, NAME_ROOM = FK_OPTION_TEXT_MAX + 16 };

#define SECOND_NS INT64_C(1000000000)

static const char *path_of(const forker_server *server)
{
    return server->options[FK_OPTION_PID_FILE].text;
}

static const char *name_of(const forker_server *server)
{
    const char *slash = strrchr(path_of(server), '/');
    return slash != NULL ? slash + 1 : path_of(server);
}

static int refuse(forker_server *server, const char *reason)
{
    int code = fk_server_fail(server, FORKER_E_SYSTEM, "%s: pid file %s (option pid_file): %s", server->run.verb,
                              path_of(server), reason);
    fk_pidfile_forget(server);
    return code;
}

/* Takes the lock, or with F_GETLK looks who has it: 0 if nobody. */
static bool lock(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_SETLK, &whole) == 0;
}

static pid_t locker(int fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK ? whole.l_pid : 0;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/*
 * Whether a process was there when the file was written, give or take a second. If not, the pid was used again: a
 * server in a container gets the same few pids at every start, and its old pid file names one that is alive.
 */
static bool is_older(pid_t pid, const struct stat *file)
{
    unsigned long long fields[FK_STAT_FIELDS];
    if (!fk_procstat_read(pid, fields)) {
        return true;
    }
    int64_t started = (int64_t)fields[FK_STAT_START_TIME] * (SECOND_NS / sysconf(_SC_CLK_TCK));
    int64_t written = file->st_mtim.tv_sec * SECOND_NS + file->st_mtim.tv_nsec;
    return clock_ns(CLOCK_REALTIME) - (clock_ns(CLOCK_BOOTTIME) - started) <= written + SECOND_NS;
}

/*
 * The live process that a file without a lock names, as programs write it that do not lock theirs; 0 if there is none.
 */
static pid_t named(int fd)
{
    char text[16] = "";
    struct stat file;
    if (pread(fd, text, sizeof text - 1, 0) <= 0 || fstat(fd, &file) != 0) {
        return 0;
    }
    long pid = strtol(text, NULL, 10);
    if (pid <= 0 || pid > INT32_MAX || pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno != EPERM)) {
        return 0;
    }
    return is_older((pid_t)pid, &file) ? (pid_t)pid : 0;
}

/* Whether the name still stands for the open file. */
static bool is_same(int dir, const char *name, int fd)
{
    struct stat open_file, named_file;
    return fstat(fd, &open_file) == 0 && fstatat(dir, name, &named_file, AT_SYMLINK_NOFOLLOW) == 0 &&
           open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

/* Makes the file, written and locked, under the name `temporary`. */
static bool make(fk_pidfile *pidfile, const char *temporary)
{
    char text[16];
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    (void)unlinkat(pidfile->dir, temporary, 0); /* of a process that was killed right here and had the same pid */
    pidfile->file =
        fk_descriptor_raise(openat(pidfile->dir, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
    bool made = pidfile->file >= 0 && lock(pidfile->file) && write(pidfile->file, text, (size_t)len) == len;
    if (!made && pidfile->file >= 0) {
        int reason = errno;
        (void)unlinkat(pidfile->dir, temporary, 0);
        errno = reason;
    }
    return made;
}

/*
 * Puts the new file in the place of one that exists. 0: done, -1: errno, else the owner's pid; EAGAIN: it has changed,
 * look again.
 */
static pid_t replace(const fk_pidfile *pidfile, const char *temporary, const char *name)
{
    int old = fk_descriptor_raise(openat(pidfile->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (old < 0) {
        errno = errno == ENOENT ? EAGAIN : errno;
        return -1;
    }
    pid_t owner = -1;
    if (!lock(old)) {
        owner = locker(old);
        errno = EAGAIN; /* owner 0: it has let go in between */
        owner = owner != 0 ? owner : -1;
    } else if (!is_same(pidfile->dir, name, old)) {
        errno = EAGAIN;
    } else if ((owner = named(old)) == 0) {
        owner = renameat(pidfile->dir, temporary, pidfile->dir, name);
    }
    int reason = errno;
    (void)close(old);
    errno = reason;
    return owner;
}

/* Gives the new file its name. Returns as replace(). */
static pid_t publish(const fk_pidfile *pidfile, const char *temporary, const char *name)
{
    for (int i = 0; i < TRIES; i++) {
        if (linkat(pidfile->dir, temporary, pidfile->dir, name, 0) == 0) {
            return unlinkat(pidfile->dir, temporary, 0);
        }
        pid_t owner = errno == EEXIST ? replace(pidfile, temporary, name) : -1;
        if (owner >= 0 || errno != EAGAIN) {
            return owner;
        }
    }
    return -1;
}

static bool open_directory(forker_server *server)
{
    char directory[FK_PATH_ROOM];
    char *slash = strrchr(fk_path_of(server, FK_OPTION_PID_FILE, directory), '/');
    if (slash != NULL) {
        slash[1] = '\0';
    } else {
        memcpy(directory, ".", sizeof ".");
    }
    server->tree.pidfile.dir = fk_descriptor_raise(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return server->tree.pidfile.dir >= 0;
}

static bool prepare(forker_server *server, char temporary[NAME_ROOM])
{
    (void)snprintf(temporary, NAME_ROOM, ".%s.%d", name_of(server), (int)getpid());
    return open_directory(server) && make(&server->tree.pidfile, temporary);
}

void fk_pidfile_take_over(forker_server *server)
{
    char temporary[NAME_ROOM];
    if (path_of(server)[0] == '\0' || server->tree.pidfile.file >= 0) {
        return;
    }
    bool prepared = prepare(server, temporary);
    if (!prepared || renameat(server->tree.pidfile.dir, temporary, server->tree.pidfile.dir, name_of(server)) != 0) {
        fk_log(server, FORKER_LOG_ERROR, "pid file %s: %s", path_of(server), strerror(errno));
        if (prepared) {
            (void)unlinkat(server->tree.pidfile.dir, temporary, 0);
        }
        fk_pidfile_forget(server);
    }
}

int fk_pidfile_claim(forker_server *server)
{
    char temporary[NAME_ROOM], reason[64];
    const char *name = name_of(server);
    if (path_of(server)[0] == '\0') {
        return FORKER_OK;
    }
    if (!prepare(server, temporary)) {
        return refuse(server, strerror(errno));
    }
    pid_t owner = publish(&server->tree.pidfile, temporary, name);
    if (owner == 0) {
        return FORKER_OK;
    }
    (void)snprintf(reason, sizeof reason, "it belongs to process %d, which is running", (int)owner);
    const char *text = owner > 0 ? reason : strerror(errno);
    (void)unlinkat(server->tree.pidfile.dir, temporary, 0);
    if (owner > 0 && owner == fk_inherited_from() && fk_inherited_is_pending()) {
        fk_pidfile_forget(server);
        return FORKER_OK;
    }
    return refuse(server, text);
}

void fk_pidfile_remove(forker_server *server)
{
    fk_pidfile *pidfile = &server->tree.pidfile;
    if (pidfile->file >= 0 && is_same(pidfile->dir, name_of(server), pidfile->file)) {
        (void)unlinkat(pidfile->dir, name_of(server), 0);
    }
    fk_pidfile_forget(server);
}

void fk_pidfile_forget(forker_server *server)
{
    fk_descriptor_close(&server->tree.pidfile.file);
    fk_descriptor_close(&server->tree.pidfile.dir);
}
