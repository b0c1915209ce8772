/* What the ledger (tests/blackbox/ledger) asks for. */
#ifndef LEDGER_H
#define LEDGER_H

#include "program.h"

#include <time.h>

/*
 * A handler: "0 71 <time> <query>": worker, pid, ns since 1970. The ledger knows by the query which request was
 * answered, and by the time for how long its connection was idle before the next one.
 */
static inline int response_ledger(forker_request *req, void *user)
{
    char text[256];
    struct timespec now;
    (void)user;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof text, "%d %ld %lld %s", (int)forker_request_worker(req), (long)getpid(),
             (long long)now.tv_sec * 1000000000 + now.tv_nsec, forker_request_query(req, NULL));
    return response_text(req, text);
}

#endif
