/*
 * Files of users that options name, of the server, a group or a route. They are read by the process that runs the server, which
 * may be root and is outside of any chroot; again at each reload. What is in them is for Go (inspection.h).
 */
#ifndef FORKER_SECRETFILE_H
#define FORKER_SECRETFILE_H

#include "base/server.h"
#include "setup/pem.h"

typedef struct fk_secretfile {
    char *name; /* as the option has it */
    char *path; /* from the root */
    fk_pem content;
    struct fk_secretfile *next;
} fk_secretfile;

/* Reads those that hold for some route. A step of run: FORKER_OK, or FORKER_E_OPTION and others with a sentence. */
int fk_secretfiles_open(forker_server *server);

/*
 * Reads them again. The server has what they say now, and `*before_out` what it had. false with a sentence: nothing has
 * changed.
 */
bool fk_secretfiles_renew(forker_server *server, fk_secretfile **before_out);

/* Takes that back. */
void fk_secretfiles_restore(forker_server *server, fk_secretfile *before);

/* Wipes what was in the files: for a process that has parsed it. */
void fk_secretfiles_wipe(forker_server *server);

void fk_secretfiles_free(fk_secretfile *files);

/* Makes a sentence of why one cannot be used. Returns FORKER_E_OPTION. */
int fk_secretfiles_refuse(forker_server *server, const char *sentence);

#endif
