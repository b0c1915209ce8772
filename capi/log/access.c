/* The way of the access log's lines out of the process. */
#include "log/access.h"

#include <errno.h>
#include <string.h>

#include "base/process.h"
#include "log/log.h"
#include "log/logfile.h"
#include "log/logloss.h"

static size_t count_lines(const char *lines, size_t len)
{
    size_t count = 0;
    for (const char *end = lines + len; lines < end && (lines = memchr(lines, '\n', (size_t)(end - lines))) != NULL;
         lines++) {
        count++;
    }
    return count;
}

void fk_access_write(forker_server *server, const char *lines, size_t len)
{
    size_t taken = fk_sink_write(fk_logfile_sink(server, FK_LOGFILE_ACCESS), lines, len);
    if (taken < len) {
        int reason = errno;
        fk_logloss_count(server, FK_LOGFILE_ACCESS, (uint32_t)count_lines(lines + taken, len - taken), reason);
    }
}

void fk_access_miss(forker_server *server, uint32_t lines)
{
    fk_logloss_count(server, FK_LOGFILE_ACCESS, lines, FK_LOGLOSS_LATE);
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
        server->hooks.access_fn(lines, (size_t)(newline - lines), server->hooks.access_user);
        fk_thread_leave_program(&blocked);
        lines = newline + 1;
    }
}
