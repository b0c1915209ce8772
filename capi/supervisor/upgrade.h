/*
 * Upgrade: the program is executed anew, with the listening sockets. Both serve, until the new one says that all its
 * workers are ready; then this one drains and leaves. Until then the new one may fail, hang or be stopped, and nothing
 * else changes.
 */
#ifndef FORKER_UPGRADE_H
#define FORKER_UPGRADE_H

#include <poll.h>

#include "supervisor/spawner.h"

/* Starts the program anew, unless that is under way or not possible. */
void fk_upgrade_begin(fk_spawner *spawner);

/* The server stops: so does the one that was to replace it. */
void fk_upgrade_cancel(fk_spawner *spawner, int32_t timeout_ms);

/* Whether there is a new process that does not serve yet. */
bool fk_upgrade_is_pending(const fk_spawner *spawner);

/* In the new process: takes over, once all workers are ready. */
void fk_upgrade_arrive(fk_spawner *spawner);

/* Looks how the new one is doing. Returns when to look again. */
uint64_t fk_upgrade_follow(fk_spawner *spawner);

/* Adds what to poll, at most three. Returns how many. */
nfds_t fk_upgrade_poll(const fk_spawner *spawner, struct pollfd *polled);

/* Closes the descriptors only: for a forked process. */
void fk_upgrade_forget(fk_spawner *spawner);

#endif
