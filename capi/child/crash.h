/* Crash reports of workers: one line, a C backtrace, and the true wait status. */
#ifndef FORKER_CRASH_H
#define FORKER_CRASH_H

/* Installs the handlers, first before Go is started: Go will hand faults outside Go code on to them. */
void fk_crash_watch(void);

/* Installs them again in front of Go's, once Go is up. */
void fk_crash_watch_before_go(void);

#endif
