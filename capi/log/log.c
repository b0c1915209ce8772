/* Log lines. */
#include "log/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/process.h"
#include "log/logearly.h"
#include "log/logfile.h"
#include "log/loglimit.h"
#include "log/logloss.h"
#include "log/printable.h"

enum { PROGRAM_TEXT_MAX = 4000 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char priorities[][4] = {"<3>", "<4>", "<6>", "<7>"}; /* LOG_ERR and so on, syslog(3) */

void fk_line_bytes(fk_line *line, const char *bytes, size_t len)
{
    size_t room = sizeof line->text - 2 - line->len; /* a newline and a NUL follow */
    len = len < room ? len : room;
    for (size_t i = 0, taken; i < len; i += taken) {
        if (fk_printable(bytes + i, len - i, &taken)) {
            memcpy(line->text + line->len, bytes + i, taken);
            line->len += taken;
        } else {
            line->text[line->len++] = '?';
        }
    }
    line->text[line->len] = '\0';
}

void fk_line_text(fk_line *line, const char *text)
{
    fk_line_bytes(line, text, strlen(text));
}

static void line_digits(fk_line *line, uint64_t number, unsigned base, size_t least)
{
    char digits[32];
    size_t n = sizeof digits;
    do {
        digits[--n] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0 || sizeof digits - n < least);
    fk_line_bytes(line, digits + n, sizeof digits - n);
}

void fk_line_number(fk_line *line, int64_t number)
{
    if (number < 0) {
        fk_line_text(line, "-");
    }
    line_digits(line, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, 1);
}

void fk_line_hex(fk_line *line, uint64_t number)
{
    fk_line_text(line, "0x");
    line_digits(line, number, 16, 1);
}

void fk_line_peer(fk_line *line, const fk_peer *peer)
{
    char text[INET6_ADDRSTRLEN];
    switch (peer->family) {
    case AF_INET:
        fk_line_text(line, inet_ntop(AF_INET, peer->addr, text, sizeof text));
        break;
    case AF_INET6:
        fk_line_text(line, "[");
        fk_line_text(line, inet_ntop(AF_INET6, peer->addr, text, sizeof text));
        fk_line_text(line, "]");
        break;
    default:
        fk_line_text(line, "unix:");
        return;
    }
    fk_line_text(line, ":");
    fk_line_number(line, peer->port);
}

void fk_line_request(fk_line *line, const fk_black_box *box)
{
    fk_line_bytes(line, box->method, box->method_len < FK_METHOD_KEPT ? box->method_len : FK_METHOD_KEPT);
    fk_line_text(line, " ");
    fk_line_bytes(line, box->target, box->target_len < FK_TARGET_KEPT ? box->target_len : FK_TARGET_KEPT);
    fk_line_text(line, box->target_len > FK_TARGET_KEPT ? "... from " : " from ");
    fk_line_peer(line, &box->peer);
}

/*
 * Appends "2026-01-31T12:00:00.123Z". gmtime_r(3) takes a lock and so is not safe in a signal handler; this is the
 * conversion of days to a civil date in the proleptic Gregorian calendar, with years that start in March.
 */
static void line_time(fk_line *line)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seconds = (uint64_t)now.tv_sec % 86400;
    uint64_t days = (uint64_t)now.tv_sec / 86400 + 719468; /* from 0000-03-01 */
    uint64_t era = days / 146097, day_of_era = days % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t march_month = (5 * day_of_year + 2) / 153;
    uint64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    line_digits(line, era * 400 + year_of_era + (month <= 2), 10, 4);
    fk_line_text(line, "-");
    line_digits(line, month, 10, 2);
    fk_line_text(line, "-");
    line_digits(line, day_of_year - (153 * march_month + 2) / 5 + 1, 10, 2);
    fk_line_text(line, "T");
    line_digits(line, seconds / 3600, 10, 2);
    fk_line_text(line, ":");
    line_digits(line, seconds / 60 % 60, 10, 2);
    fk_line_text(line, ":");
    line_digits(line, seconds % 60, 10, 2);
    fk_line_text(line, ".");
    line_digits(line, (uint64_t)now.tv_nsec / 1000000, 10, 3);
    fk_line_text(line, "Z");
}

void fk_line_start(fk_line *line, int level)
{
    line->len = 0;
    memcpy(line->priority, priorities[level], sizeof line->priority);
    line_time(line);
    fk_line_text(line, " ");
    fk_line_text(line, level_names[level]);
    fk_line_text(line, " ");
    fk_line_text(line, fk_process_name());
    if (fk_process.role == FK_ROLE_WORKER) {
        fk_line_text(line, " ");
        fk_line_number(line, fk_process.worker);
    }
    fk_line_text(line, "[");
    fk_line_number(line, getpid());
    fk_line_text(line, "]: ");
}

bool fk_line_write(fk_line *line, const forker_server *server)
{
    fk_sink sink = fk_logfile_sink(server, FK_LOGFILE_ERROR);
    size_t start = server != NULL && server->logs.journal && sink.fd == STDERR_FILENO ? offsetof(fk_line, priority)
                                                                                      : offsetof(fk_line, text);
    size_t len = offsetof(fk_line, text) + line->len + 1 - start;
    line->text[line->len] = '\n';
    size_t taken = fk_sink_write(sink, (const char *)line + start, len);
    line->text[line->len] = '\0';
    return taken == len;
}

/*
 * The latest error of a worker is kept where the master finds it when the worker has died; of several at once, that of
 * one thread.
 */
static void keep_last_words(const char *text, size_t len)
{
    static bool keeping;
    if (fk_process.role == FK_ROLE_WORKER && fk_process.slot != NULL &&
        !__atomic_exchange_n(&keeping, true, __ATOMIC_ACQUIRE)) {
        char *kept = fk_process.slot->last_words;
        len = len < FK_LAST_WORDS - 1 ? len : FK_LAST_WORDS - 1;
        memcpy(kept, text, len);
        kept[len] = '\0';
        __atomic_store_n(&keeping, false, __ATOMIC_RELEASE);
    }
}

static bool write_line(forker_server *server, fk_line *line)
{
    bool written = fk_line_write(line, server);
    int reason = errno;
    line->text[line->len] = '\n';
    fk_logearly_keep(server, line->text, line->len + 1);
    line->text[line->len] = '\0';
    errno = reason;
    return written;
}

/* Gives a line to the program, or writes it. false with errno: it is lost. */
static bool deliver(forker_server *server, int level, const char *text, size_t len)
{
    fk_line line;
    fk_line_start(&line, level);
    fk_line_bytes(&line, text, len);
    if (server->hooks.log_fn == NULL) {
        return write_line(server, &line);
    }
    server->hooks.log_fn(level, line.text, line.len, server->hooks.log_user);
    return true;
}

/* What is said of lost lines can be lost too: then it is said later. */
static void tell_lost(forker_server *server)
{
    char text[160];
    fk_logloss loss;
    for (int which = 0; which < FK_LOGFILES; which++) {
        if (fk_logloss_take(server, which, &loss)) {
            fk_logloss_describe(&loss, which, text, sizeof text);
            if (!deliver(server, FORKER_LOG_WARN, text, strlen(text))) {
                fk_logloss_count(server, which, loss.lines, loss.reason);
            }
        }
    }
}

/* Writes a line, if option log_level lets it through. */
static void log_line(forker_server *server, int level, const char *text, size_t len)
{
    if (level > fk_server_option(server, FK_OPTION_LOG_LEVEL)) {
        return;
    }
    tell_lost(server);
    if (!deliver(server, level, text, len)) {
        fk_logloss_count(server, FK_LOGFILE_ERROR, 1, errno);
    }
}

static void log_missed(forker_server *server, int level, uint32_t missed)
{
    char text[64];
    if (missed > 0) {
        int len = snprintf(text, sizeof text, "... and %u more", missed);
        log_line(server, level, text, (size_t)len);
    }
}

void fk_log_bytes(forker_server *server, int level, const char *text, size_t len)
{
    uint32_t missed;
    if (level == FORKER_LOG_ERROR) {
        keep_last_words(text, len);
    }
    if (level > fk_server_option(server, FK_OPTION_LOG_LEVEL)) {
        return;
    }
    bool allowed = fk_loglimit_allows(server, level, &missed);
    log_missed(server, level, missed);
    if (allowed) {
        log_line(server, level, text, len);
    }
}

uint64_t fk_log_settle(forker_server *server)
{
    uint64_t due = UINT64_MAX;
    for (int level = FORKER_LOG_ERROR; level <= FORKER_LOG_DEBUG; level++) {
        log_missed(server, level, fk_loglimit_missed(server, level));
        uint64_t level_due = fk_loglimit_due(server, level);
        due = level_due < due ? level_due : due;
    }
    tell_lost(server);
    return due;
}

void fk_log_close(forker_server *server)
{
    for (int level = FORKER_LOG_ERROR; level <= FORKER_LOG_DEBUG; level++) {
        log_missed(server, level, fk_loglimit_close(server, level));
    }
    tell_lost(server);
}

void fk_log(forker_server *server, int level, const char *format, ...)
{
    char text[FK_LINE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0) {
        fk_log_bytes(server, level, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
    }
}

int forker_server_log(forker_server *server, int level, const char *text)
{
    if (server == NULL || text == NULL || level < FORKER_LOG_ERROR || level > FORKER_LOG_DEBUG) {
        return FORKER_E_INVALID;
    }
    if (server->lost) {
        return FORKER_E_PROCESS;
    }
    size_t len = strnlen(text, PROGRAM_TEXT_MAX);
    if (level == FORKER_LOG_ERROR) {
        keep_last_words(text, len);
    }
    log_line(server, level, text, len);
    return FORKER_OK;
}
