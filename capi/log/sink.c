/* Where log lines end up. */
#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/descriptor.h"

enum { PATH_ROOM = 32 };

/* ------------------------------------------------------------------------------------------------------------ files */

/*
 * Takes back the last `excess` bytes, which are the beginning of a line whose rest the disk has no room for. If others
 * have written meanwhile, which they cannot while the disk is full, it stays.
 */
static void take_back(int fd, size_t excess)
{
    struct stat file;
    off_t end = lseek(fd, 0, SEEK_CUR);
    if (excess > 0 && end >= (off_t)excess && fstat(fd, &file) == 0 && file.st_size == end &&
        ftruncate(fd, end - (off_t)excess) == 0) {
        (void)lseek(fd, end - (off_t)excess, SEEK_SET);
    }
}

/* The length of the whole lines at the beginning of `len` bytes. */
static size_t whole_lines(const char *lines, size_t len)
{
    const char *last = len > 0 ? memrchr(lines, '\n', len) : NULL;
    return last != NULL ? (size_t)(last - lines) + 1 : 0;
}

static size_t append(int fd, const char *lines, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t written = write(fd, lines + done, len - done);
        if (written > 0) {
            done += (size_t)written;
        } else if (written == 0 || errno != EINTR) {
            break;
        }
    }
    if (done == len) {
        return len;
    }
    int reason = errno;
    size_t whole = whole_lines(lines, done);
    take_back(fd, done - whole);
    errno = reason;
    return whole;
}

/* ------------------------------------------------------------------------------------------------ pipes and the like */

/* Through a descriptor of our own that does not block. Returns as write(2). */
static ssize_t write_aside(int fd, const char *bytes, size_t len)
{
    char path[PATH_ROOM];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int aside = fk_descriptor_raise(open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (aside < 0) {
        return -1;
    }
    ssize_t written = write(aside, bytes, len);
    int reason = errno;
    (void)close(aside);
    errno = reason;
    return written;
}

/* What is left where /proc or the permission is missing. Several writers at once can still fill a pipe between both. */
static ssize_t write_if_ready(int fd, const char *bytes, size_t len)
{
    struct pollfd polled = {.fd = fd, .events = POLLOUT};
    if (poll(&polled, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, bytes, len);
}

static bool is_same_file(int fd, int other)
{
    struct stat file, others;
    return fstat(fd, &file) == 0 && fstat(other, &others) == 0 && file.st_dev == others.st_dev &&
           file.st_ino == others.st_ino;
}

static bool is_unsupported(int reason)
{
    return reason == EOPNOTSUPP || reason == ENOSYS || reason == EINVAL;
}

static ssize_t write_stream(fk_sink sink, const char *bytes, size_t len)
{
    struct iovec part = {(void *)(uintptr_t)bytes, len};
    ssize_t written = pwritev2(sink.fd, &part, 1, -1, RWF_NOWAIT);
    if (written >= 0 || !is_unsupported(errno)) {
        return written;
    }
    if (sink.aside >= 0 && is_same_file(sink.fd, sink.aside)) {
        return write(sink.aside, bytes, len);
    }
    written = write_aside(sink.fd, bytes, len);
    if (written < 0 && (errno == ENOENT || errno == EACCES || errno == EMFILE || errno == ENFILE)) {
        return write_if_ready(sink.fd, bytes, len);
    }
    return written;
}

static size_t pages(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (len + page - 1) / page;
}

/*
 * A pipe takes up to PIPE_BUF bytes whole or not at all (pipe(7)). For more there are to be enough pages. These are not
 * filled up: of two that follow each other it is only known that they hold more than one would.
 */
static bool has_room(int fd, size_t len)
{
    int waiting = 0, capacity = fcntl(fd, F_GETPIPE_SZ);
    return len <= PIPE_BUF || capacity < 0 || ioctl(fd, FIONREAD, &waiting) != 0 ||
           2 * pages((size_t)waiting) + pages(len) <= pages((size_t)capacity);
}

static ssize_t write_piece(fk_sink sink, mode_t mode, const char *bytes, size_t len)
{
    ssize_t written;
    if (!has_room(sink.fd, len)) {
        errno = EAGAIN;
        return -1;
    }
    do {
        written =
            S_ISSOCK(mode) ? send(sink.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write_stream(sink, bytes, len);
    } while (written < 0 && errno == EINTR);
    return written;
}

/* As many whole lines as fit into PIPE_BUF; one at least. */
static size_t next_piece(const char *lines, size_t len)
{
    size_t piece = len <= PIPE_BUF ? len : whole_lines(lines, PIPE_BUF);
    const char *end = piece > 0 ? NULL : memchr(lines, '\n', len);
    return piece > 0 ? piece : end != NULL ? (size_t)(end - lines) + 1 : len;
}

static size_t pass_on(fk_sink sink, mode_t mode, const char *lines, size_t len)
{
    size_t done = 0;
    while (done < len) {
        size_t piece = next_piece(lines + done, len - done);
        ssize_t written = write_piece(sink, mode, lines + done, piece);
        if (written != (ssize_t)piece) {
            errno = written < 0 ? errno : EAGAIN;
            break;
        }
        done += piece;
    }
    return done;
}

/* -------------------------------------------------------------------------------------------------------------- both */

static size_t deliver(fk_sink sink, const char *lines, size_t len)
{
    struct stat file;
    if (fstat(sink.fd, &file) != 0) {
        return 0;
    }
    return S_ISREG(file.st_mode) ? append(sink.fd, lines, len) : pass_on(sink, file.st_mode, lines, len);
}

/*
 * A reader that has left (SIGPIPE) or a limit of the file's size (SIGXFSZ) must kill nobody: the signals are held back,
 * and taken off if the write raised one that was not there before.
 */
size_t fk_sink_write(fk_sink sink, const char *lines, size_t len)
{
    sigset_t held, before, pending;
    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGPIPE);
    (void)sigaddset(&held, SIGXFSZ);
    (void)sigpending(&pending);
    (void)pthread_sigmask(SIG_BLOCK, &held, &before);
    size_t taken = deliver(sink, lines, len);
    int reason = errno;
    int raised = reason == EPIPE ? SIGPIPE : reason == EFBIG ? SIGXFSZ : 0;
    if (taken < len && raised != 0 && sigismember(&pending, raised) == 0) {
        (void)sigemptyset(&held);
        (void)sigaddset(&held, raised);
        (void)sigtimedwait(&held, NULL, &(struct timespec){0, 0});
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = reason;
    return taken;
}

static bool pipes_take_nowait(void)
{
    int ends[2];
    struct iovec part = {(void *)(uintptr_t) "", 1};
    if (!fk_descriptor_raise_pair(pipe2(ends, O_CLOEXEC) == 0, ends)) {
        return true;
    }
    bool taken = pwritev2(ends[1], &part, 1, -1, RWF_NOWAIT) == 1;
    (void)close(ends[0]);
    (void)close(ends[1]);
    return taken;
}

int fk_sink_open_aside(int fd)
{
    char path[PATH_ROOM];
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISFIFO(file.st_mode) || pipes_take_nowait()) {
        return -1;
    }
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fk_descriptor_raise(open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}
