/*
 * The pid file, option pid_file. Its owner is the process that holds a record lock (fcntl(2)) on it: locks end with
 * their process, and unlike pids they are not used again by another one.
 */
#ifndef FORKER_PIDFILE_H
#define FORKER_PIDFILE_H

#include "base/server.h"

/* Writes the pid file of this process. Returns FORKER_OK, or FORKER_E_SYSTEM if another process owns it. */
int fk_pidfile_claim(forker_server *server);

/*
 * Takes the file from the process that this one replaces. Until then fk_pidfile_claim() leaves it that one's. A failure
 * is logged.
 */
void fk_pidfile_take_over(forker_server *server);

/* Removes the file, if it is still the one that this process has written. */
void fk_pidfile_remove(forker_server *server);

/* Closes the descriptors only: for a forked process. The lock stays with its owner. */
void fk_pidfile_forget(forker_server *server);

#endif
