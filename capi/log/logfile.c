/* The files that are logged to. */
#include "log/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/path.h"
#include "log/logearly.h"

static const int options[FK_LOGFILES] = {
    [FK_LOGFILE_ERROR] = FK_OPTION_ERROR_LOG, [FK_LOGFILE_ACCESS] = FK_OPTION_ACCESS_LOG_FILE};

static bool is_wanted(const forker_server *server, int which)
{
    return server->options[options[which]].text[0] != '\0' &&
           (which != FK_LOGFILE_ACCESS || fk_server_option(server, FK_OPTION_ACCESS_LOG) != 0);
}

/* O_NONBLOCK: a fifo that nobody reads is an error, and does not hang; a disk knows no difference. */
static int open_file(const forker_server *server, int which)
{
    char path[FK_PATH_ROOM];
    return fk_descriptor_raise(open(fk_path_of(server, options[which], path),
                                    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
}

const char *fk_logfile_name(const forker_server *server, int which)
{
    return server->options[options[which]].text;
}

const char *fk_logfile_option(int which)
{
    return forker_option_name(forker_option_at((size_t)options[which]));
}

bool fk_logfile_is_journal(int fd)
{
    const char *stream = secure_getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat is;
    return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &is) == 0 &&
           is.st_dev == device && is.st_ino == inode;
}

int fk_logfile_open(forker_server *server)
{
    server->logs.journal =
        fk_logfile_is_journal(STDERR_FILENO); /* it may have become another since the server was made */
    server->logs.stderr_aside = fk_sink_open_aside(STDERR_FILENO);
    for (int which = 0; which < FK_LOGFILES; which++) {
        if (is_wanted(server, which) && (server->logs.fds[which] = open_file(server, which)) < 0) {
            return fk_server_fail(server, FORKER_E_SYSTEM, "%s: log file %s (option %s): %s", server->run.verb,
                                  fk_logfile_name(server, which), fk_logfile_option(which), strerror(errno));
        }
    }
    fk_logearly_flush(server, fk_logfile_sink(server, FK_LOGFILE_ERROR));
    return FORKER_OK;
}

bool fk_logfile_open_errors(forker_server *server)
{
    int *fd = &server->logs.fds[FK_LOGFILE_ERROR];
    if (*fd < 0 && is_wanted(server, FK_LOGFILE_ERROR)) {
        *fd = open_file(server, FK_LOGFILE_ERROR);
    }
    fk_logearly_flush(server, fk_logfile_sink(server, FK_LOGFILE_ERROR));
    return *fd >= 0;
}

void fk_logfile_close(forker_server *server)
{
    for (int which = 0; which < FK_LOGFILES; which++) {
        fk_descriptor_close(&server->logs.fds[which]);
    }
    fk_descriptor_close(&server->logs.stderr_aside);
}

/* dup3(2) puts the new file where the old one was, at one stroke. */
void fk_logfile_take(forker_server *server, int which, int fd)
{
    if (which >= 0 && which < FK_LOGFILES && server->logs.fds[which] >= 0) {
        (void)dup3(fd, server->logs.fds[which], O_CLOEXEC);
    }
    (void)close(fd);
}

bool fk_logfile_reopen(forker_server *server, int which)
{
    int fd = open_file(server, which);
    if (fd < 0) {
        return false;
    }
    fk_logfile_take(server, which, fd);
    return true;
}

fk_sink fk_logfile_sink(const forker_server *server, int which)
{
    if (server != NULL && server->logs.fds[which] >= 0) {
        return (fk_sink){server->logs.fds[which], -1};
    }
    return (fk_sink){STDERR_FILENO, server != NULL ? server->logs.stderr_aside : -1};
}
