/*
 * The shared memory of a process tree: the header, then a place of two pages for each worker slot, then the slots'
 * other black boxes. Made by the spawner before the first fork and mapped by every process of the tree, so that a dead
 * worker's last state can still be read.
 *
 * Who writes what: the header and the first page of a slot are the spawner's, but for the few words of the master that
 * are named; the second page is the worker's, and the spawner's while none lives there; so are its boxes. Where the
 * kernel lets us (shared.c), a worker cannot write anything else. Counters are only ever added to, also over
 * generations.
 *
 * Whatever a worker can write is hostile to spawner, master and forker_server_stats(): a word is loaded once, whole
 * (fk_load), compared with bounds of private memory, then used; a box is copied (fk_box_copy) and then read. No address
 * and no size comes from here.
 *
 * The Go twin is package slot; its layout is checked against this one when capi is compiled.
 */
#ifndef FORKER_SLOT_H
#define FORKER_SLOT_H

#include <stdint.h>
#include <string.h>

enum {
    FK_SHARED_MAGIC = 0x464f524b, /* "FORK" */
    FK_PAGE_SIZE = 4096,
    FK_SLOT_SIZE = 2 * FK_PAGE_SIZE, /* and of the header */
    FK_BOXES = 256, /* black boxes of each slot beyond the one in its page: one for each thread of the handler pool */
    FK_BOX_SIZE = 256,
    FK_SLOTS_MAX = 1025, /* 1024 workers, and the one more that a reload needs */
    FK_LATENCY_BUCKETS = 40,
    FK_TARGET_KEPT = 128,
    FK_METHOD_KEPT = 24,
    FK_LAST_WORDS = 256,
    FK_STATUS_CLASSES = 6,
    FK_CERTIFICATES_MAX = 256,
    FK_HANDSHAKES = 9 /* kinds of ends that a TLS handshake can have; slot.Handshake */
};

/* The states of a slot, in the order in which a worker passes through them. */
enum {
    FK_SLOT_EMPTY = 0,   /* no process; next: FORKED */
    FK_SLOT_FORKED = 1,  /* fork done, still C only; next: BOOTING or EMPTY */
    FK_SLOT_BOOTING = 2, /* Go is starting, then worker_init; next: READY, DRAINING or EMPTY */
    FK_SLOT_READY = 3,   /* accepts connections; next: DRAINING or EMPTY */
    FK_SLOT_DRAINING = 4 /* accepts no more, finishes what it has; next: EMPTY */
};

/* What the server as a whole is doing, as the master sees it. */
enum {
    FK_PHASE_STARTING = 0, /* no worker has been ready yet */
    FK_PHASE_SERVING = 1,
    FK_PHASE_RELOADING = 2, /* serving, while one generation of workers replaces another */
    FK_PHASE_DRAINING = 3,  /* all workers are let go, the master stays */
    FK_PHASE_STOPPING = 4   /* run is about to return */
};

/* Why a worker is gone; FORKER_EXIT_* of forker.h. */
enum {
    FK_EXIT_NONE = 0,
    FK_EXIT_SELF = 1,    /* it left by itself, as by exit(3) */
    FK_EXIT_CRASH = 2,   /* by a signal of its own doing, or one that somebody sent */
    FK_EXIT_KILLED = 3,  /* by a SIGKILL that was not ours: the kernel was out of memory, or an operator did it */
    FK_EXIT_BOOT = 4,    /* before it was ready: it failed, or took too long */
    FK_EXIT_STOP = 5,    /* the server stops */
    FK_EXIT_RELOAD = 6,  /* replaced by a newer generation */
    FK_EXIT_SCALE = 7,   /* fewer workers were wanted */
    FK_EXIT_RECYCLE = 8, /* it had served its requests, its time, or grown over the soft memory limit */
    FK_EXIT_HANG = 9,    /* its loop or its handler did not come back */
    FK_EXIT_MEMORY = 10, /* it had grown over the hard memory limit */
    FK_EXITS = 11
};

/* A client's address as the kernel gave it, without its length: 20 bytes instead of a sockaddr_storage's 128. */
typedef struct {
    uint16_t family; /* AF_INET, AF_INET6 or AF_UNIX; 0 if not known */
    uint16_t port;   /* host byte order */
    uint8_t addr[16];
} fk_peer;

/* The request that is inside a handler now: what a crash report and the hang detector need. */
typedef struct {
    uint32_t busy; /* 1 while the handler runs; written last on entry and first on exit */
    uint16_t method_len;
    uint16_t target_len; /* of the whole target; only the first FK_TARGET_KEPT bytes are kept */
    fk_peer peer;
    uint32_t route;
    uint64_t since_ns; /* CLOCK_MONOTONIC when the request was dispatched; in the pool, when the handler was called */
    char method[FK_METHOD_KEPT];
    char target[FK_TARGET_KEPT];
    int32_t thread; /* of the pool's boxes: gettid(2); else 0 */
    uint32_t pad;
} fk_black_box;

typedef struct {
    uint32_t generation; /* counts the workers that lived in this slot; never 0 while one does */
    int32_t pid;
    uint32_t dismissed;       /* FK_EXIT_* for which the master lets this generation go; its alone */
    uint32_t epoch;           /* fk_shared.epoch at fork */
    uint64_t born_ns;         /* CLOCK_MONOTONIC at fork */
    uint64_t requests_before; /* `requests` at fork */
    uint8_t rest_of_page[FK_PAGE_SIZE - 32];

    /* From here on the worker's. */
    uint32_t state;
    uint32_t reached_ready; /* 1 once this generation was READY */
    uint64_t ready_ns;
    uint64_t heartbeat_ns; /* the loop's clock in its latest iteration */
    uint64_t connections;  /* open now */
    uint64_t in_flight;    /* requests that have been dispatched and not answered yet */
    uint32_t pool_size;    /* how many threads the handler pool can have */
    uint32_t pool_used;    /* how many of the pool's boxes this generation has used: those from 0 on */
    uint32_t crashed_box;  /* 1 + the number of the pool's box whose handler a fatal signal hit; 0: none of them */
    uint32_t asked;        /* FK_ACTION_*: what this worker wants of the spawner, which takes it away */
    uint32_t asked_stop;   /* 1 + the ms that the soonest stop which this generation asked for gives; 0: none */
    int32_t asked_scale;   /* by how many workers FK_ACTION_SCALE is */

    uint64_t accepted; /* connections, over all generations, and so are all counters from here on */
    uint64_t requests;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t responses[FK_STATUS_CLASSES]; /* by status class; [0] is never used */
    uint64_t
        latency[FK_LATENCY_BUCKETS]; /* [i] counts responses that took less than 2^i ns (and not less than 2^(i-1)) */
    uint64_t latency_sum_ns;
    uint64_t handshakes[FK_HANDSHAKES]; /* of TLS, by how they ended */

    fk_black_box box;
    char last_words[FK_LAST_WORDS]; /* the latest error line of this generation, NUL-terminated */
} fk_slot;

/* The latest worker that was lost, as the spawner found its slot. */
typedef struct {
    uint32_t version; /* odd while the spawner writes; 0: none was lost yet */
    uint32_t reason;
    uint32_t worker;
    uint32_t generation;
    int32_t pid;
    int32_t status;     /* as from waitpid(2); -1 if somebody else reaped the process */
    uint64_t wall_ns;   /* CLOCK_REALTIME when it was reaped */
    uint64_t age_ns;    /* since its fork */
    uint64_t inside_ns; /* how long box.busy had been set, else 0 */
    fk_black_box box;
    char last_words[FK_LAST_WORDS];
} fk_crash;

/* The time in which a certificate is valid, in seconds since 1970. */
typedef struct {
    int64_t not_before;
    int64_t not_after;
} fk_validity;

typedef struct {
    uint32_t magic; /* for who looks at it from outside, as in a core dump, */
    uint32_t slots; /* and how many slots follow; the library computes with forker_server.slots */
    int32_t spawner_pid;
    int32_t master_pid;      /* 0 while there is none */
    int32_t stop_timeout_ms; /* what forker_server_stop() asked for; FK_NO_STOP: nothing */
    uint32_t phase;          /* FK_PHASE_*; written by the master */
    uint64_t started_ns;

    /* What is wanted of the workers. It is here so that a new master knows it. */
    uint32_t wanted;  /* how many workers the master keeps alive, written by it; 0: as the options say */
    int32_t scale;    /* what is still to be added to `wanted`; the master takes it */
    uint32_t held;    /* 1: all are to be drained and none started */
    uint32_t epoch;   /* counts reloads */
    uint32_t settled; /* the latest epoch whose reload is over, done or given up; written by the master */
    uint32_t reopens; /* counts how often the log files were to be opened anew */

    /* Written by the spawner, so that they outlive every master. */
    uint64_t master_starts;
    uint64_t worker_starts;
    uint64_t exits[FK_EXITS]; /* workers that are gone, by reason */
    fk_crash crash;
    fk_validity validities[FK_CERTIFICATES_MAX]; /* of the certificates, in their order; zero: not known */
} fk_shared;

/* What can be asked of a server. */
enum {
    FK_ASK_STOP = 0,
    FK_ASK_RELOAD = 1,
    FK_ASK_SCALE = 2,
    FK_ASK_DRAIN = 3,
    FK_ASK_REOPEN = 4,
    FK_ASK_UPGRADE = 5,
    FK_ASKS = 6
};

/* Bits of fk_orders.actions and fk_slot.asked. STOP is in the latter only. */
enum {
    FK_ACTION_DRAIN = 1,
    FK_ACTION_SCALE = 2,
    FK_ACTION_RELOAD = 4,
    FK_ACTION_REOPEN = 8,
    FK_ACTION_UPGRADE = 16,
    FK_ACTION_STOP = 32
};

/*
 * What is asked of the spawner by processes that have its privileges. It is on a page of its own, which master and
 * workers do not have (shared.c): nobody else can write here.
 */
typedef struct {
    uint32_t actions;         /* FK_ACTION_*: what was asked for and the spawner has not begun */
    uint64_t askers[FK_ASKS]; /* who has asked for what last; asker.c */
} fk_orders;

/* Loads a word whole, and once: what was compared is what is used. */
static inline uint32_t fk_load(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline uint64_t fk_load_long(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* A copy that nobody else writes. The fence keeps the compiler from reading the original again. */
static inline fk_black_box fk_box_copy(const fk_black_box *box)
{
    fk_black_box copy;
    memcpy(&copy, box, sizeof copy);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return copy;
}

_Static_assert(__builtin_offsetof(fk_slot, state) == FK_PAGE_SIZE, "the worker has a page of its own");
_Static_assert(sizeof(fk_slot) <= FK_SLOT_SIZE, "a slot has its two pages");
_Static_assert(sizeof(fk_black_box) <= FK_BOX_SIZE, "a box has its room");
_Static_assert(sizeof(fk_shared) <= FK_SLOT_SIZE, "the header has its room");

#endif
