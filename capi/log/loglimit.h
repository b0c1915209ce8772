/* The rate of log lines: what can happen with every request must not fill the disk. */
#ifndef FORKER_LOGLIMIT_H
#define FORKER_LOGLIMIT_H

#include "base/server.h"

/*
 * Whether another line of the library's may be written, by option log_rate; else it is counted. *missed_out is how many
 * lines of that level were counted before, which is to be said first. Main thread.
 */
bool fk_loglimit_allows(forker_server *server, int level, uint32_t *missed_out);

/* How many lines of a level were counted in a second that is over and have not been told of. */
uint32_t fk_loglimit_missed(forker_server *server, int level);

/* The same, of a second that is not over: this process is about to leave, and nobody else would tell. */
uint32_t fk_loglimit_close(forker_server *server, int level);

/* When the second is over in which lines of a level were counted, by fk_clock(); UINT64_MAX: there are none. */
uint64_t fk_loglimit_due(const forker_server *server, int level);

/* Has that descriptor be ready in a second. Any thread. */
void fk_loglimit_arm(const forker_server *server);

/* A descriptor that can be read when there is something to tell of that no further line has; -1 if there is none. */
int fk_loglimit_timer(forker_server *server);

#endif
