/* The log files of a process, and what keeps their lines within bounds. */
#ifndef FORKER_LOGS_H
#define FORKER_LOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "forker.h"

enum { FK_LOGFILE_ERROR, FK_LOGFILE_ACCESS, FK_LOGFILES };

/* The rate of log lines; loglimit.c. */
typedef struct {
    struct {
        uint64_t ends_ns;
        int64_t written;
        uint32_t missed;
    } windows[FORKER_LOG_DEBUG + 1]; /* by level */
    int timer;                       /* -1: none */
} fk_loglimit;

/* Log lines that are lost and not told of yet; logloss.c. */
typedef struct {
    uint32_t lines;
    int reason; /* of the last one, see fk_logloss_count() */
} fk_logloss;

/* Changed by the room of logs, and keylog_fd by keylog.c. */
typedef struct {
    int fds[FK_LOGFILES]; /* by FK_LOGFILE_*; -1: none */
    int keylog_fd;        /* -1: none; keylog.c */
    int stderr_aside;     /* see fk_sink.aside */
    fk_logloss losses[FK_LOGFILES];
    fk_loglimit limit;
    bool journal; /* stderr is a stream of systemd's journal, which reads a line's level from a prefix */
    char *early;  /* log lines that wait for the error log to be opened; logearly.c */
    size_t early_len;
} fk_logs;

#endif
