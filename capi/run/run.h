/* The way into serving and back. */
#ifndef FORKER_RUN_H
#define FORKER_RUN_H

#include <signal.h>

#include "base/server.h"

/* Takes what serving needs and can be refused before anything is started. Returns FORKER_OK or what run returns. */
int fk_run_prepare(forker_server *server);

/* Gives that back, whether or not it succeeded. */
void fk_run_clean_up(forker_server *server);

/*
 * Between the two, in the process that serves or spawns: has `serve` do it, with the pid file and, by `mask`, the
 * signals in place.
 */
int fk_run_serve(forker_server *server, const sigset_t *mask, int (*serve)(forker_server *));

/* Logs why the server does not run, to stderr and to the error log. */
void fk_run_report(forker_server *server);

#endif
