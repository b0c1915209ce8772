/* Log lines: one write(2) each, or one call of the program's callback. */
#ifndef FORKER_LOG_H
#define FORKER_LOG_H

#include <limits.h>

#include "base/server.h"
#include "log/sink.h"

enum { FK_LINE_MAX = PIPE_BUF - 3 }; /* with its priority a pipe takes a line whole */

/* A line that is being put together without allocation or stdio: it can be used in a signal handler. */
typedef struct {
    char priority[3]; /* "<6>", for a journal */
    char text[FK_LINE_MAX];
    size_t len;
} fk_line;

/* Starts a line: "2026-01-31T12:00:00.123Z error worker 0[72]: ". */
void fk_line_start(fk_line *line, int level);
void fk_line_text(fk_line *line, const char *text);
void fk_line_bytes(fk_line *line, const char *bytes, size_t len); /* what printable.h refuses becomes '?' */
void fk_line_number(fk_line *line, int64_t number);
void fk_line_hex(fk_line *line, uint64_t number);
void fk_line_peer(fk_line *line, const fk_peer *peer);
void fk_line_request(fk_line *line, const fk_black_box *box); /* "GET /path from 192.0.2.1:50000" */

/*
 * Writes the line to the error log, with a newline, at once. A journal is told its level too, sd-daemon(3). false with
 * errno: it is lost.
 */
bool fk_line_write(fk_line *line, const forker_server *server);

/* Logs, if the server's log_level and log_rate let it through. Main thread of the process only. */
void fk_log(forker_server *server, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));
void fk_log_bytes(forker_server *server, int level, const char *text, size_t len);

/*
 * Tells how many lines log_rate has held back, where that second is over, and how many are lost. Returns when there is more to
 * tell, by fk_clock(); UINT64_MAX: nothing is held back.
 */
uint64_t fk_log_settle(forker_server *server);

/* The same in any case: this process leaves, or ends to serve. */
void fk_log_close(forker_server *server);

#endif
