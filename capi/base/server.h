/* struct forker_server, and what the C files share of it. */
#ifndef FORKER_SERVER_H
#define FORKER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hooks.h"
#include "base/inbox.h"
#include "base/listening.h"
#include "base/logs.h"
#include "base/optiontable.h"
#include "base/routing.h"
#include "base/running.h"
#include "base/slot.h"
#include "forker.h"

enum {
    FK_SENTENCE_MAX = 512,
    FK_RATES_SIZE = 64 + 65536 * 16, /* gate.RatesBytes: a key, and the clients */
    FK_RATES_KEY = 16
};

/* What keeps a server from being run: setup calls that failed, and wrong values of the environment. */
typedef struct {
    uint32_t failures;
    bool latest; /* the latest failure of a call is one of them: forker_server_clear_error() can take it back */
} fk_setup;

struct forker_server {
    /* Set up by the program, then read in every process. */
    fk_option_value options[FK_OPTION_COUNT];
    fk_routing routing;
    fk_hooks hooks;
    fk_listener listeners[FK_LISTENERS_MAX + 1]; /* the last place is for fk_listener_open() */
    uint32_t listener_count;
    struct {
        char *path;            /* of forker_server_load(), or NULL */
        fk_option_value *base; /* the options as they were before it */
    } config;
    struct {
        struct fk_certificates *certificates; /* NULL: none */
        struct fk_tickets *tickets;           /* shared; NULL: there are none */
        int tickets_fd;                       /* of the same memory; -1: none */
        uint64_t tickets_since_ns;            /* when the process that changes them has done so last */
        bool tickets_given;                   /* they are those of a file, and not changed by themselves */
    } tls;
    struct {
        struct fk_health *health;           /* NULL: there is no health service */
        struct fk_descriptors *descriptors; /* NULL: there is no reflection */
    } grpc;
    struct fk_secretfile *secretfiles; /* NULL: none are named */
    void *rates;                       /* shared, FK_RATES_SIZE: how often clients came; NULL: nobody asks */

    /* Whose it is. */
    pid_t owner;         /* the process that made the server, or a child of it that was forked before it ran */
    bool split;          /* there may be two owners: files of unix sockets are left alone until this one runs it */
    bool lost;           /* this process was forked by the program off one in which it ran */
    forker_server *next; /* another server of this process */

    /* While running. */
    fk_running run;
    fk_tree tree;
    fk_logs logs;
    fk_queue queue;
    fk_posts posts;
    fk_timers timers;

    /* What has failed. */
    char error[FK_SENTENCE_MAX];       /* the last failure */
    char setup_error[FK_SENTENCE_MAX]; /* the first failed setup call that counts, for run */
    fk_setup setup;
};

/* Remembers the sentence of a failure and returns `code`. */
int fk_server_fail(forker_server *server, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Has the process that runs the server look at the shared header. Async-signal-safe. */
void fk_server_wake(const forker_server *server);

/*
 * The place of slot `index`, which is one of server->tree.slots: addresses in the shared memory are made here only, and of
 * numbers that no other process can write. Only while running.
 */
static inline fk_slot *fk_server_slot(const forker_server *server, uint32_t index)
{
    return (fk_slot *)(void *)((char *)server->tree.shared + (size_t)FK_SLOT_SIZE * (1 + (size_t)index));
}

/* Black box number `box`, from 0 to FK_BOXES - 1, of slot `index` beyond the one in its page. */
static inline fk_black_box *fk_server_box(const forker_server *server, uint32_t index, uint32_t box)
{
    size_t boxes = (size_t)FK_SLOT_SIZE * (1 + (size_t)server->tree.slots);
    return (fk_black_box *)(void *)((char *)server->tree.shared + boxes +
                                    FK_BOX_SIZE * (FK_BOXES * (size_t)index + box));
}

/*
 * A copy of the black box in whose handler the worker of a slot died, if it was in one: that of the pool's thread that
 * a fatal signal hit, else the slot's.
 */
static inline fk_black_box fk_server_crashed_box(const forker_server *server, uint32_t index)
{
    const fk_slot *slot = fk_server_slot(server, index);
    uint32_t crashed = fk_load(&slot->crashed_box);
    return fk_box_copy(crashed >= 1 && crashed <= FK_BOXES ? fk_server_box(server, index, crashed - 1) : &slot->box);
}

static inline int64_t fk_server_option(const forker_server *server, int id)
{
    return server->options[id].number;
}

/* What an option about messages of gRPC is for a route. */
static inline int64_t fk_server_call_option(const forker_server *server, uint32_t route, int id)
{
    int64_t own = server->routing.routes[route].call[id - FK_OPTION_GRPC_MAX_MESSAGE];
    return own != 0 ? own - 1 : fk_server_option(server, id);
}

#endif
