/* The clock that everything of the library is timed by. */
#ifndef FORKER_CLOCK_H
#define FORKER_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in ns. Async-signal-safe. */
uint64_t fk_clock(void);

#endif
