/*
 * The keys of TLS session tickets (RFC 5077, RFC 8446 section 4.6.1), which all workers share: so a session is resumed
 * by any of them, after reloads, deaths and an upgrade too. They are in a page that the spawner writes and workers only
 * read, and not in core dumps. The spawner believes nothing that stands there: when it changes the keys it knows by itself.
 *
 * There are three: the one that tickets are made with, the one before it, and the one that comes next, so that a worker
 * which has not noticed a change yet understands the tickets of one that has.
 */
#ifndef FORKER_TICKET_H
#define FORKER_TICKET_H

#include "base/server.h"

enum { FK_TICKET_KEYS = 3, FK_TICKET_KEY_SIZE = 32 };

typedef struct fk_tickets {
    uint32_t version; /* odd while the spawner writes; changes with the keys */
    uint32_t pad;
    uint64_t since_ns; /* when they were changed last, for the process that replaces this one */
    uint8_t keys[FK_TICKET_KEYS][FK_TICKET_KEY_SIZE]; /* the present one, the one before, the next one */
} fk_tickets;

/* Keys that somebody has given. */
typedef struct fk_ticket_file {
    uint32_t count; /* 0: none are */
    uint8_t keys[FK_TICKET_KEYS][FK_TICKET_KEY_SIZE];
} fk_ticket_file;

/* Makes the page, or takes that of the process which this one replaces. FORKER_OK, or a code with a sentence. */
int fk_tickets_open(forker_server *server);

/* Reads the file of option tls_ticket_keys, if there is one. false with a sentence: it cannot be used. */
bool fk_tickets_load(forker_server *server, fk_ticket_file *file_out);

/* Has the keys be those of the file, if it has any, and wipes it. */
void fk_tickets_take(forker_server *server, fk_ticket_file *file);

/* Changes the keys when their time has come. Returns when that is next. */
uint64_t fk_tickets_follow(forker_server *server, uint64_t now_ns);

/* For a worker: from now on the page can only be read. Where /proc is not mounted, mprotect(2) could take that back. */
void fk_tickets_protect(forker_server *server);

/* Copies the keys if they are not those of `*version`, and returns whether it did. */
bool fk_tickets_read(const forker_server *server, uint32_t *version,
                     uint8_t keys_out[FK_TICKET_KEYS][FK_TICKET_KEY_SIZE]);

/* Closes the descriptor only. */
void fk_tickets_forget(forker_server *server);

void fk_tickets_close(forker_server *server);

#endif
