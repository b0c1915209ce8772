/* The functions of the program that are called for a server as a whole. */
#ifndef FORKER_HOOKS_H
#define FORKER_HOOKS_H

#include "forker.h"

typedef struct {
    forker_hook call;
    void *user;
} fk_hook;

typedef struct {
    forker_server_hook call;
    void *user;
} fk_server_hook;

/* Set before the server runs, by hook.c and setup.c. */
typedef struct {
    fk_hook before_fork, post_fork, worker_init, worker_ready, worker_loop, worker_drain, worker_exit, thread_start,
        thread_exit;
    fk_server_hook on_reload, on_reopen, master_tick;
    forker_error_fn on_error; /* NULL: none, as all of these */
    void *on_error_user;
    forker_death_fn worker_died;
    void *worker_died_user;
    forker_fork_fn fork_fn;
    void *fork_user;
    forker_log_fn log_fn;
    void *log_user;
    forker_access_log_fn access_fn;
    void *access_user;
} fk_hooks;

#endif
