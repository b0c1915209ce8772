/* Serving while the program goes on: forker_server_start(). */
#ifndef FORKER_BACKGROUND_H
#define FORKER_BACKGROUND_H

#include "server.h"

/* What who serves tells the host: that it does, and at the end what run would return. */
typedef struct {
    int32_t is_last;
    int32_t code;
    char sentence[FK_SENTENCE_MAX];
} fk_report;

/* Tells the host that the server is up. A no-op where there is none. */
void fk_background_tell_up(forker_server *server);

/* In the spawner: whether its host is dead. */
bool fk_background_orphaned(const forker_server *server);

/* In a process forked off the spawner: closes what is the spawner's. */
void fk_background_forget(forker_server *server);

/*
 * Stops what was started, and waits for its end. false: the server is running still, in another call or in a handler
 * that does not return.
 */
bool fk_background_end(forker_server *server);

#endif
