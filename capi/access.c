/* The way of the access log's lines out of the process. */
#include "access.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "logfile.h"
#include "process.h"

/* The longest beginning of whole lines that has at most `most` bytes; one line at least. */
static size_t whole_lines(const char *lines, size_t len, size_t most)
{
    if (len <= most) {
        return len;
    }
    const char *last = memrchr(lines, '\n', most);
    if (last == NULL) {
        last = memchr(lines, '\n', len);
    }
    return last != NULL ? (size_t)(last - lines) + 1 : len;
}

static size_t count_lines(const char *lines, size_t len)
{
    size_t count = 0;
    for (const char *end = lines + len; lines < end && (lines = memchr(lines, '\n', (size_t)(end - lines))) != NULL;
         lines++) {
        count++;
    }
    return count;
}

size_t fk_access_write(const forker_server *server, const char *lines, size_t len)
{
    int fd = server->log_fds[FK_LOGFILE_ACCESS] >= 0 ? server->log_fds[FK_LOGFILE_ACCESS] : STDERR_FILENO;
    struct stat file;
    /* A file takes a write with O_APPEND whole; of a pipe's writers only those of PIPE_BUF are not mixed (pipe(7)). */
    size_t most = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) ? len : PIPE_BUF;
    while (len > 0) {
        size_t piece = whole_lines(lines, len, most);
        if (fk_log_write(fd, lines, piece) != (ssize_t)piece) {
            break;
        }
        lines += piece;
        len -= piece;
    }
    return count_lines(lines, len);
}

void fk_access_tell(const forker_server *server, char *lines, size_t len)
{
    for (char *end = lines + len; lines < end;) {
        char *newline = memchr(lines, '\n', (size_t)(end - lines));
        if (newline == NULL) {
            return;
        }
        *newline = '\0';
        sigset_t blocked;
        fk_thread_enter_program(&blocked);
        server->access_fn(lines, (size_t)(newline - lines), server->access_user);
        fk_thread_leave_program(&blocked);
        lines = newline + 1;
    }
}
