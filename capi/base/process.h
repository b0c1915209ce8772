/* What this process is in the tree, and the start of the Go runtime in it. */
#ifndef FORKER_PROCESS_H
#define FORKER_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/server.h"

typedef enum { FK_ROLE_HOST, FK_ROLE_SPAWNER, FK_ROLE_MASTER, FK_ROLE_WORKER } fk_role;

typedef struct {
    fk_role role;
    int32_t worker; /* index of the slot, of a worker; else 0, which is that of each server with workers=0 */
    uint32_t generation;
    forker_server *server;  /* of a worker, for the report of its crash; else NULL */
    fk_slot *slot;          /* a worker's own */
    pid_t pid;              /* a worker's own */
    bool go_running;        /* the Go runtime was started in this process */
    bool go_lost;           /* this process was forked off one in which it was: nothing here works any more */
    volatile bool draining; /* this worker was told to drain by a signal, or because the spawner is dead */
} fk_process_state;

extern fk_process_state fk_process;

/* What a thread is doing, for the report of a crash in it. initial-exec, so that it can be read in a signal handler. */
typedef struct {
    volatile bool in_program; /* inside one of the program's callbacks */
    bool pooled;              /* a thread of the handler pool, */
    bool forks;               /* a process of the library's own */
    uint32_t number;          /* which is this one of the pool's */
    const sigset_t *mask;     /* on a thread that blocks all signals: what the program's functions have; else NULL */
    uint64_t asker;           /* the signal in whose handler it asks something of a server, and its sender; asker.c */
    fk_black_box *box;        /* the request that it is in a handler with; NULL: none yet */
} fk_thread_state;

extern __thread fk_thread_state fk_thread __attribute__((tls_model("initial-exec")));

/*
 * Around a call of one of the program's functions. On a thread of the library's in the program's own process it has the
 * signal mask that a thread of the program would have, because what it starts inherits that; `blocked` keeps the other
 * one meanwhile.
 */
static inline void fk_thread_enter_program(sigset_t *blocked)
{
    fk_thread.in_program = true;
    if (__builtin_expect(fk_thread.mask != NULL, 0)) {
        (void)pthread_sigmask(SIG_SETMASK, fk_thread.mask, blocked);
    }
}

static inline void fk_thread_leave_program(const sigset_t *blocked)
{
    if (__builtin_expect(fk_thread.mask != NULL, 0)) {
        (void)pthread_sigmask(SIG_SETMASK, blocked, NULL);
    }
    fk_thread.in_program = false;
}

/*
 * Held while the process is forked by start, becomes a spawner, or gets the Go runtime, each of which rules out
 * another. In a forked process it is free.
 */
void fk_process_lock(void);
void fk_process_unlock(void);

/* In a forked process: takes in that there is neither the Go runtime nor the thread that may hold the lock. */
void fk_process_forked(void);

/*
 * Starts the Go runtime in this process, once, and returns when it is up. Returns FORKER_OK, FORKER_E_PROCESS, FORKER_E_STATE (it forks),
 * FORKER_E_MEMORY.
 */
int fk_process_start_go(void);

/* Tells if who serves for `server` in this process is being drained, also while its loop has yet to hear of it. */
bool fk_process_draining(const forker_server *server);

/* The role in words, for log lines. */
const char *fk_process_name(void);

#endif
