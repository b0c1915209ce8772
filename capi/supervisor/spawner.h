/* The spawner: the process that called run. Mechanism only; policy is the master's (package prefork). */
#ifndef FORKER_SPAWNER_H
#define FORKER_SPAWNER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/server.h"
#include "supervisor/notify.h"
#include "supervisor/watch.h"

enum { FK_FORKS_PER_SECOND = 20 };

/* How a worker died. The master says it in the log, or the spawner, if the master dies before it has. */
typedef struct {
    pid_t pid; /* 0: all is said */
    int status;
    uint32_t reason; /* FK_EXIT_* */
    uint32_t generation;
} fk_death;

/* A process that the spawner forked. */
typedef struct {
    pid_t pid;           /* 0: none */
    int pidfd;           /* -1 where the kernel has none: then exits are looked for at intervals */
    int channel;         /* of a worker: duplicate of the master's end; of the master: the spawner's end; else -1 */
    uint32_t generation; /* of a worker: which one lives in the slot, or lived there last; the slot's word is a copy */
    uint64_t born_ns;
    uint64_t retry_ns;     /* while there is no process: not before this time */
    uint32_t failed_boots; /* in a row */
    fk_death death;        /* of the former process, while the log may not have it */
} fk_child;

typedef struct fk_spawner {
    forker_server *server;
    fk_child master;
    bool master_ready;     /* it said HELLO, and decides from now on */
    bool master_came_up;   /* the present or latest one did, whatever has become of it */
    bool master_was_ready; /* some master did */
    fk_child workers[FK_SLOTS_MAX];
    uint32_t slots_used; /* slots 0 .. slots_used-1 have had a worker */
    int poke[2];         /* by [1] a worker has the spawner look at what its slot asks for */
    int lifeline[2];     /* [1] is held by the spawner alone: its end tells all others that the spawner is dead */
    uint64_t forks_ns[FK_FORKS_PER_SECOND]; /* ring: when the latest forks were */
    uint32_t forks;
    uint64_t tick_ns; /* when master_tick is called next */
    bool serving;     /* some worker has been ready */
    bool stopping;
    int32_t asked_stop_ms; /* fk_shared.stop_timeout_ms, as the log has it */
    uint64_t stop_ns;      /* when what still runs is killed */
    int result;
    fk_notify notify;
    fk_watch watch;
    fk_child heir;    /* the program, executed anew to replace this process; upgrade.c */
    bool handed_over; /* it has said that it serves */
    sigset_t mask;    /* of the caller, to be given back to children */
} fk_spawner;

/* In a process forked off the spawner: closes what only the spawner has, of its children and for them. */
void fk_spawner_forget(fk_spawner *spawner);

/*
 * The same in a child that the program has forked, of whatever spawner this process is or was forked off, and closes
 * the life line too.
 */
void fk_spawner_forget_all(void);

/* Serves until stopped; the caller has checked the server. Returns what run returns. */
int fk_spawner_run(forker_server *server);

#endif
