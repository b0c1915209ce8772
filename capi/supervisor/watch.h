/*
 * The watch over the master. A master that is stopped (SIGSTOP) or stuck is no better than a dead one, and does not
 * look so from outside: it is asked whether it is well, and one that gives no sign of life for option master_timeout is
 * killed, so that another takes over the workers.
 */
#ifndef FORKER_WATCH_H
#define FORKER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct fk_spawner;

typedef struct {
    bool asked;         /* and the master has not answered */
    uint64_t silent_ns; /* how long it has been silent since then, as far as the spawner itself was running */
    uint64_t looked_ns; /* when silent_ns was counted last */
    uint64_t ask_ns;    /* when it is asked next */
} fk_watch;

/* The master has been forked, or has said something. */
void fk_watch_heard(struct fk_spawner *spawner);

/*
 * Asks the master when it is time, and ends one that is silent. After its messages were read. Returns when to look
 * again.
 */
uint64_t fk_watch_follow(struct fk_spawner *spawner);

#endif
