/*
 * The shared memory of a process tree: one header page, then one page for each worker slot. Made by the spawner before the
 * first fork and mapped by every process of the tree, so that a dead worker's last state can still be read.
 *
 * Invariant: a slot has one writer at a time: the spawner while no worker lives in it, else that worker. Counters are only
 * ever added to, also over generations. Readers copy what they need; words of up to 64 bits are written whole.
 *
 * The Go twin is package slot; its layout is checked against this one when capi is compiled.
 */
#ifndef FORKER_SLOT_H
#define FORKER_SLOT_H

#include <stdint.h>

enum {
    FK_SHARED_MAGIC = 0x464f524b, /* "FORK" */
    FK_SLOT_SIZE = 4096,
    FK_SLOTS_MAX = 1024,
    FK_LATENCY_BUCKETS = 40,
    FK_TARGET_KEPT = 128,
    FK_METHOD_KEPT = 24,
    FK_LAST_WORDS = 256
};

/* The states of a slot, in the order in which a worker passes through them. */
enum {
    FK_SLOT_EMPTY = 0,   /* no process; next: FORKED */
    FK_SLOT_FORKED = 1,  /* fork done, still C only; next: BOOTING or EMPTY */
    FK_SLOT_BOOTING = 2, /* Go is starting, then worker_init; next: READY or EMPTY */
    FK_SLOT_READY = 3,   /* accepts connections; next: DRAINING or EMPTY */
    FK_SLOT_DRAINING = 4 /* accepts no more, finishes what it has; next: EMPTY */
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
    uint64_t since_ns; /* CLOCK_MONOTONIC when the request was dispatched */
    char method[FK_METHOD_KEPT];
    char target[FK_TARGET_KEPT];
} fk_black_box;

typedef struct {
    uint32_t state;
    uint32_t generation; /* counts the workers that lived in this slot; never 0 while one does */
    int32_t pid;
    uint32_t reached_ready; /* 1 once this generation was READY */
    uint64_t born_ns;       /* CLOCK_MONOTONIC at fork */
    uint64_t ready_ns;
    uint64_t heartbeat_ns; /* the loop's clock in its latest iteration */

    uint64_t accepted;    /* connections, over all generations */
    uint64_t connections; /* open now */
    uint64_t requests;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t answers[6];                    /* by status class; [0] is never used */
    uint64_t latency[FK_LATENCY_BUCKETS];   /* [i] counts handlers that took less than 2^i ns (and not less than 2^(i-1)) */

    fk_black_box box;
    char last_words[FK_LAST_WORDS]; /* the latest error line of this generation, NUL-terminated */
} fk_slot;

typedef struct {
    uint32_t magic;
    uint32_t slots;         /* how many slot pages follow */
    int32_t spawner_pid;
    int32_t master_pid;     /* 0 while there is none */
    int32_t stop_timeout_ms; /* what forker_server_stop() asked for; INT32_MAX: nothing */
    uint32_t pad;
    uint64_t started_ns;
} fk_shared;

_Static_assert(sizeof(fk_slot) <= FK_SLOT_SIZE, "a slot is one page");
_Static_assert(sizeof(fk_shared) <= FK_SLOT_SIZE, "the header is one page");

#endif
