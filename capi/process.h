/* What this process is in the tree, and the start of the Go runtime in it. */
#ifndef FORKER_PROCESS_H
#define FORKER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server.h"

typedef enum { FK_ROLE_HOST, FK_ROLE_SPAWNER, FK_ROLE_MASTER, FK_ROLE_WORKER } fk_role;

typedef struct {
    fk_role role;
    int32_t worker; /* index of the slot, of a worker; else -1 */
    uint32_t generation;
    forker_server *server;  /* the one that runs, or NULL */
    fk_slot *slot;          /* a worker's own */
    bool go_running;        /* the Go runtime was started in this process */
    bool go_lost;           /* this process was forked off one in which it was: nothing here works any more */
    volatile bool draining; /* this worker was told to drain by a signal, or because the spawner is dead */
} fk_process_state;

extern fk_process_state fk_process;

/* What a thread is doing, for the report of a crash in it. initial-exec, so that it can be read in a signal handler. */
typedef struct {
    volatile bool in_program; /* inside one of the program's callbacks */
    bool pooled;              /* a thread of the handler pool */
    fk_black_box *box;        /* the request that it is in a handler with; NULL: none yet */
} fk_thread_state;

extern __thread fk_thread_state fk_thread __attribute__((tls_model("initial-exec")));

/* Starts the Go runtime in this process, once. Returns FORKER_OK or FORKER_E_PROCESS. */
int fk_process_start_go(void);

/* Tells if this worker is being drained, also while its loop has yet to hear of it. */
bool fk_process_draining(void);

/* The role in words, for log lines. */
const char *fk_process_name(void);

#endif
