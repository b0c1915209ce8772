/*
 * The control protocol: messages over SOCK_SEQPACKET socket pairs, spawner <-> master and master <-> each worker. One
 * message is one packet: this header, then `length` bytes, with at most FK_CONTROL_FDS descriptors by SCM_RIGHTS.
 *
 * `slot` and `generation` say which worker is meant; a message whose generation is not that of the slot's present
 * worker is stale and dropped. Every SPAWN is answered by exactly one SPAWNED or FAILED, and every SPAWNED is followed,
 * once, by EXITED. The spawner counts generations; SPAWN carries the latest one that the master knows of.
 *
 * Both ends are always the same build of the library, so numbers are in host byte order; `version` guards an upgrade.
 * The Go twin is package prefork/control.
 */
#ifndef FORKER_CONTROL_H
#define FORKER_CONTROL_H

#include <stdint.h>

enum { FK_CONTROL_MAGIC = 0x6b6c6246, FK_CONTROL_VERSION = 1, FK_CONTROL_FDS = 8, FK_CONTROL_MAX = 2048 };

enum {
    /* spawner -> master */
    FK_MSG_ADOPT = 1, /* a worker that lives already. Payload fk_msg_worker, fd: master's end of its channel */
    FK_MSG_ADOPTED_ALL =
        2, /* the hand-over is complete: all other slots are empty. Payload fk_msg_stop, the stop under way or -1 */
    FK_MSG_SPAWNED = 3, /* a new worker. Payload fk_msg_worker, fd: master's end of its channel */
    FK_MSG_FAILED = 4,  /* SPAWN was not possible. Payload fk_msg_failed */
    FK_MSG_EXITED = 5,  /* a worker is gone. Payload fk_msg_exit */
    FK_MSG_STOP = 6,    /* stop everything. Payload fk_msg_stop */
    FK_MSG_RELOAD =
        7, /* the header has a new epoch, and these are the options now. Payload: their numbers, int64_t each */
    FK_MSG_DESIRED = 8,    /* the header says anew how many workers are wanted */
    FK_MSG_REOPEN_ALL = 9, /* the log files were opened anew: have the workers use them, and call the on_reopen hook */
    FK_MSG_PING = 10,      /* answer with PUBLISHED: are you well? */
    FK_MSG_NEW_LOG = 11,   /* a log file was opened anew; also master -> worker. Payload fk_msg_log, fd: it */
    /* master -> spawner */
    FK_MSG_HELLO = 16,     /* the master is up */
    FK_MSG_SPAWN = 17,     /* fork a worker into `slot`; `generation` is the latest known there */
    FK_MSG_KILL = 18,      /* send a signal to a worker. Payload fk_msg_kill */
    FK_MSG_GIVE_UP = 19,   /* run is to fail, once all workers are gone. Payload fk_msg_give_up */
    FK_MSG_DONE = 20,      /* stopped, all workers are gone */
    FK_MSG_TOLD = 22,      /* the log has what EXITED said of this worker */
    FK_MSG_PUBLISHED = 21, /* the header says anew what is going on, or all wanted workers are READY, or some no more */
    /* master -> worker */
    FK_MSG_DRAIN = 32,  /* finish within the time, then exit. Payload fk_msg_stop; 0 is at once */
    FK_MSG_REOPEN = 33, /* the log files were opened anew: call the on_reopen hook */
    /* worker -> master */
    FK_MSG_READY = 48 /* serving */
};

typedef struct {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    uint32_t slot;
    uint32_t generation;
    uint32_t length;
} fk_msg;

typedef struct {
    int32_t pid;
    uint32_t state; /* FK_SLOT_* */
} fk_msg_worker;

typedef struct {
    int32_t error; /* errno; EBUSY: the slot is occupied, ESTALE: the generation was not the latest */
} fk_msg_failed;

typedef struct {
    int32_t pid;
    int32_t status; /* as from waitpid(2); -1 if somebody else reaped the process */
    uint32_t reached_ready;
} fk_msg_exit;

typedef struct {
    int32_t timeout_ms; /* 0: at once; ADOPTED_ALL: -1 when no stop is under way */
} fk_msg_stop;

typedef struct {
    int32_t signal;
    int32_t thread; /* of the worker, that is to have it; 0: whichever */
} fk_msg_kill;

typedef struct {
    int32_t which; /* FK_LOGFILE_* */
} fk_msg_log;

/* Why run is to fail. */
enum { FK_GIVE_UP_BOOT = 0, FK_GIVE_UP_RESTARTS = 1 };

typedef struct {
    int32_t reason;                              /* FK_GIVE_UP_* */
    char text[FK_CONTROL_MAX - sizeof(int32_t)]; /* up to the end of the message */
} fk_msg_give_up;

#endif
