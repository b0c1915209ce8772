/*
 * Unix socket files.
 *
 * Invariant: a file that somebody listens on is never removed. A file is stale when connecting to it is refused;
 * between that look and the removal another server could put its own there, and between bind(2) and listen(2) one that
 * is just starting looks stale. So all of it happens under a lock (flock(2)) on the directory, which all users of this
 * library take. While a socket is open the kernel keeps its inode, so that device and inode tell whether a file is
 * still its own.
 */
#include "setup/unixsocket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "setup/account.h"
#include "setup/option.h"

enum { LOCK_TRIES = 200, LOCK_PAUSE_NS = 10000000 };

/* What the address says of the file. */
typedef struct {
    struct sockaddr_un name;
    mode_t mode;
    uid_t user; /* -1: as it comes */
    gid_t group;
} file_spec;

/*
 * Locks the directory of a path. Returns its descriptor, to be closed, or -1 if it cannot be had: then there is no
 * protection from other servers that start right now. Locks are held for microseconds; who holds one for seconds does
 * not mean us.
 */
static int lock_directory(const char *path)
{
    char directory[sizeof((struct sockaddr_un *)0)->sun_path] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t len = slash > path ? (size_t)(slash - path) : 1;
        memcpy(directory, path, len);
        directory[len] = '\0';
    }
    int fd = fk_descriptor_raise(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (int i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            return fd;
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            break;
        }
        (void)nanosleep(&(struct timespec){0, LOCK_PAUSE_NS}, NULL);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

static void unlock_directory(int fd)
{
    int reason = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = reason;
}

/* Removes a socket file that nobody listens on. Returns false if somebody does, or it is no socket: errno tells. */
static bool clear_stale(const struct sockaddr_un *name)
{
    struct stat file;
    if (lstat(name->sun_path, &file) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int probe = fk_descriptor_raise(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe < 0) {
        return false;
    }
    int connected = connect(probe, (const struct sockaddr *)name, sizeof *name);
    int reason = errno;
    (void)close(probe);
    if (connected != 0 && reason == ECONNREFUSED) {
        return unlink(name->sun_path) == 0 || errno == ENOENT;
    }
    errno = EADDRINUSE;
    return false;
}

/*
 * chmod(2) of a descriptor that is opened with O_PATH, for which fchmod(2) is not: fchmodat2(2) of Linux 6.6, or by
 * /proc.
 */
static bool set_mode(int fd, mode_t mode)
{
    enum { FCHMODAT2 = 452 };
    char path[32];
    if (syscall(FCHMODAT2, fd, "", mode, AT_EMPTY_PATH) == 0) {
        return true;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return chmod(path, mode) == 0;
}

/*
 * Gives an open socket file the rest of its mode, which umask or a default ACL of the directory have taken, and its
 * owner: in this order, as a mode of another's file cannot be set with CAP_CHOWN alone. Nobody can connect yet.
 */
static bool set_owner_of(int fd, const file_spec *spec, struct stat *file)
{
    if (fstat(fd, file) != 0) {
        return false;
    }
    if (!S_ISSOCK(file->st_mode)) {
        errno = ENOTSOCK;
        return false;
    }
    if ((file->st_mode & 0777) != spec->mode && !set_mode(fd, spec->mode)) {
        return false;
    }
    return (spec->user == (uid_t)-1 && spec->group == (gid_t)-1) ||
           fchownat(fd, "", spec->user, spec->group, AT_EMPTY_PATH) == 0;
}

/*
 * By a descriptor: whoever may write to the directory could put something else of root's in the file's place meanwhile.
 */
static bool set_owner(const file_spec *spec, struct stat *file)
{
    int fd = fk_descriptor_raise(open(spec->name.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (fd < 0) {
        return false;
    }
    bool done = set_owner_of(fd, spec, file);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return done;
}

/*
 * bind(2) takes the mode of the socket's own inode for the file, less the umask (Linux, unix_bind()): so the file never
 * allows more than it should, and set_owner adds what is missing. A change of the umask would be one for all threads.
 */
static int bind_as(int fd, const file_spec *spec)
{
    return fchmod(fd, spec->mode) == 0 ? bind(fd, (const struct sockaddr *)&spec->name, sizeof spec->name) : -1;
}

static int open_locked(const fk_address *address, const file_spec *spec)
{
    fk_listener listener = {.borrowed = -1, .made = true};
    (void)snprintf(listener.address, sizeof listener.address, "%.*s", (int)strcspn(address->text, "?"), address->text);
    struct stat file;
    if (!clear_stale(&spec->name)) {
        return fk_address_refuse_errno(address, "bind");
    }
    listener.fd = fk_descriptor_raise(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (listener.fd < 0) {
        return fk_address_refuse_errno(address, "socket");
    }
    bool bound = bind_as(listener.fd, spec) == 0;
    if (!bound || !set_owner(spec, &file)) {
        int code = fk_address_refuse_errno(address, bound ? "chown" : "bind");
        if (bound) {
            (void)unlink(spec->name.sun_path);
        }
        (void)close(listener.fd);
        return code;
    }
    listener.device = file.st_dev;
    listener.inode = file.st_ino;
    return fk_listener_adopt(address, &listener);
}

/* Reads one "key=value" of what follows the path. Returns NULL, or what is wrong. */
static const char *read_setting(file_spec *spec, const char *setting)
{
    int64_t mode;
    if (strncmp(setting, "mode=", 5) == 0) {
        bool right = fk_option_parse(FK_OPTION_UNIX_MODE, setting + 5, &mode);
        spec->mode = right ? (mode_t)mode : 0;
        return right ? NULL : "the mode is not an octal number from 0 to 0777";
    }
    if (strncmp(setting, "user=", 5) == 0) {
        return fk_account_user(setting + 5, &spec->user) ? NULL : "there is no such user";
    }
    if (strncmp(setting, "group=", 6) == 0) {
        return fk_account_group(setting + 6, &spec->group) ? NULL : "there is no such group";
    }
    return "behind the \"?\" of a path come mode=, user=, group=, tls=, client_cert=, redirect_https= and proxy=, "
           "joined by "
           "\"&\"";
}

static const char *read_settings(file_spec *spec, const char *settings)
{
    char copy[FK_SOURCE_MAX];
    (void)strncpy(copy, settings, sizeof copy - 1);
    copy[sizeof copy - 1] = '\0';
    const char *wrong = NULL;
    char *rest = copy;
    while (wrong == NULL && rest != NULL) {
        wrong = read_setting(spec, strsep(&rest, "&"));
    }
    return wrong;
}

/*
 * The path from the root, if there is room for it: the file is removed later, when the program may be in another
 * directory.
 */
static void name_file(file_spec *spec, const char *path, size_t len)
{
    char directory[sizeof spec->name.sun_path];
    bool relative = path[0] != '/' && getcwd(directory, sizeof directory) != NULL &&
                    strlen(directory) + 1 + len < sizeof spec->name.sun_path;
    size_t at = 0;
    if (relative) {
        at = strlen(directory);
        memcpy(spec->name.sun_path, directory, at);
        spec->name.sun_path[at++] = '/';
    }
    memcpy(spec->name.sun_path + at, path, len);
    spec->name.sun_path[at + len] = '\0';
}

int fk_unixsocket_listen(const fk_address *address)
{
    const char *path = address->text + strlen(FK_UNIX_PREFIX);
    size_t len = strcspn(path, "?");
    file_spec spec = {.name.sun_family = AF_UNIX,
                      .mode = (mode_t)fk_server_option(address->server, FK_OPTION_UNIX_MODE),
                      .user = (uid_t)-1,
                      .group = (gid_t)-1};
    const char *wrong = path[len] == '?' ? read_settings(&spec, path + len + 1) : NULL;
    if (wrong != NULL) {
        return fk_address_refuse(address, wrong);
    }
    if (len == 0 || len >= sizeof spec.name.sun_path) {
        return fk_address_refuse(address, "the path of a unix socket has 1 to 107 bytes");
    }
    name_file(&spec, path, len);
    int directory = lock_directory(spec.name.sun_path);
    int code = open_locked(address, &spec);
    unlock_directory(directory);
    return code;
}

bool fk_unixsocket_identify(fk_listener *listener)
{
    struct stat file;
    if (lstat(listener->file, &file) != 0) {
        return false;
    }
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return true;
}

void fk_unixsocket_remove(const fk_listener *listener)
{
    const char *path = listener->file;
    struct stat file;
    int directory = lock_directory(path);
    if (lstat(path, &file) == 0 && file.st_dev == listener->device && file.st_ino == listener->inode) {
        (void)unlink(path);
    }
    unlock_directory(directory);
}
