/* A run of a server in this process, and the tree of processes that it is in. */
#ifndef FORKER_RUNNING_H
#define FORKER_RUNNING_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/listening.h"
#include "base/slot.h"

typedef enum { FK_SERVER_SETUP, FK_SERVER_RUNNING } fk_server_state;

/* Who serves while the program goes on; background.c. */
typedef enum { FK_BACKGROUND_NONE, FK_BACKGROUND_THREAD, FK_BACKGROUND_PROCESS } fk_background_kind;

typedef struct {
    fk_background_kind kind;
    pthread_t thread;
    pid_t peer;   /* in the host the spawner, in the spawner the host */
    int pidfd;    /* of that; -1 where the kernel has none */
    int report;   /* the host's end of a pipe of fk_report */
    int reporter; /* the end of who serves */
} fk_background;

enum { FK_NO_STOP = INT32_MAX }; /* as the limit of a stop: nobody wants one */

/*
 * How this process runs it. Changed by the room of runs; the early stop is noted by stop.c, the directory by path.c, and loop by
 * Go.
 */
typedef struct {
    volatile fk_server_state state;
    volatile int32_t early_stop_ms; /* a stop for the next run, which has not begun; FK_NO_STOP: none */
    volatile uint64_t early_asker;  /* who has asked for that */
    const char *verb;               /* which call has begun it, for its sentences: "run", "start", "open" or "test" */
    sigset_t mask;                  /* of the thread that has made this call */
    fk_background background;
    char *directory; /* in which it was called; path.c */
    uintptr_t loop;  /* Go's handle of what serves in this process */
    bool opened;     /* by forker_server_open() or forker_server_test(), and not ended yet */
    bool portless;   /* by the latter, which wants no listening socket */
    bool lent;       /* to the program's own loop, which polls it: it has not returned from worker_loop */
    bool polling;    /* inside of forker_server_poll(), or a step of forker_server_test() */
} fk_running;

/* Whom the children become; privilege.c. `groups` is NULL while they become nobody else. */
typedef struct {
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int group_count;
} fk_identity;

/* The pid file that this process owns; pidfile.c. Both are -1 while there is none. */
typedef struct {
    int dir;
    int file;
} fk_pidfile;

/*
 * What the processes of a run have in common. identity is changed by privilege.c, pidfile by pidfile.c, admin by admin.c, the
 * shared memory by shared.c, and wake_fd by the room of runs and, in a child, by birth.c.
 */
typedef struct {
    fk_identity identity;
    fk_pidfile pidfile;
    fk_shared *volatile shared;  /* NULL while not running */
    fk_shared *volatile figures; /* the same memory, which stays until the next run or the end of the server */
    size_t shared_size;
    uint32_t slots;             /* that it has; what the header says is for readers from outside */
    int shared_fd;              /* of it, as long as processes are forked; -1: a mapping without a name, or none */
    fk_orders *volatile orders; /* NULL in master and workers, which ask through their slots */
    fk_listener admin;          /* address "": none */
    /* eventfd: shared->stop_timeout_ms or orders->actions has changed; open from the first run on. In a worker: the pipe by
     * which it has the spawner look at its slot. */
    volatile int wake_fd;
} fk_tree;

#endif
