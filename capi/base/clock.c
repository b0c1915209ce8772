/* The clock that everything of the library is timed by. */
#include "base/clock.h"

#include <time.h>

uint64_t fk_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}
