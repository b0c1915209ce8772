/* What who serves in the background tells the program that has started it, forker_server_start(). */
#ifndef FORKER_REPORT_H
#define FORKER_REPORT_H

#include "base/server.h"

/* That it serves, and at the end what run would return. */
typedef struct {
    int32_t is_last;
    int32_t code;
    char sentence[FK_SENTENCE_MAX];
} fk_report;

/* Tells the host, if there is one. A failure comes with its sentence. */
void fk_report_tell(const forker_server *server, bool is_last, int code);

/* Tells it that the server is up. */
void fk_report_up(const forker_server *server);

/* In the spawner: whether its host is dead. */
bool fk_report_orphaned(const forker_server *server);

/* Closes the ends of the pipe and what watches the other side, in a process that has no use for them. */
void fk_report_forget(forker_server *server);

#endif
