/* Requests that are answered later, from any thread: the table of handles, and the queue to the loop. */
#ifndef FORKER_DEFERRED_H
#define FORKER_DEFERRED_H

#include <pthread.h>

#include "base/server.h"
#include "exchange/exchange.h"
#include "exchange/failure.h"
#include "exchange/retained.h"

/*
 * What a handle's owner has done since the loop looked last; engine.Event* with 1 added, so that 0 is nothing. Of two
 * the larger one counts.
 */
enum {
    FK_EVENT_NONE,
    FK_EVENT_RESUME,
    FK_EVENT_ANSWER,
    FK_EVENT_STREAM,
    FK_EVENT_DROP,
    FK_EVENT_NEXT,
    FK_EVENT_RELEASE,
    FK_EVENT_INTERIM /* of no entry: the queue has interim responses, which come before the other events */
};

typedef enum { FK_DEFERRED_FREE, FK_DEFERRED_OPEN, FK_DEFERRED_STREAM, FK_DEFERRED_ENDED } fk_deferred_state;

/* What stands behind a handle. Never freed, so that a stale handle can be looked at. */
typedef struct fk_deferred {
    pthread_mutex_t lock; /* guards what follows, up to the queue's */
    uint32_t index;
    uint32_t generation;
    fk_deferred_state state; /* the owner's side */
    bool dropped;            /* the owner's side: ended by forker_deferred_drop() */
    bool closed;             /* the loop's side: the client has left */
    uint32_t event;
    forker_request *req;
    fk_retained *retained; /* where the request is since the loop has ended; NULL: the loop's */
    fk_block pending;      /* of a stream: written, not taken by the loop */
    fk_block sending;      /* taken by the loop, not written to the client */
    int64_t promised;      /* of a stream with a length: what may still be written; else -1 */
    bool wants_drain;      /* a write was refused */
    pthread_cond_t change; /* there is room, or nobody reads any more: for who waits in forker_stream_write_wait() */
    fk_failure failure;    /* of a call about the handle */
    forker_close_fn on_close;
    void *on_close_user;
    forker_drain_fn on_drain;
    void *on_drain_user;

    /* Guarded by the queue's lock. */
    struct fk_deferred *next, *prev;
    bool queued;

    struct fk_deferred *next_free; /* guarded by the table's lock */
} fk_deferred;

/* For the engine: engine.Event. */
typedef struct {
    uintptr_t request;
    uint64_t serial; /* the request's */
    uint32_t kind;
    uint32_t pad;
} fk_event;

/* Makes the queue of `server` in this process. Returns its eventfd, or -1 with errno. */
int fk_deferred_open(forker_server *server);

/* Takes up to `most` events off the queue, and returns how many. */
int fk_deferred_collect(forker_server *server, fk_event *events, int most);

/*
 * The request is over for the loop; calls on_close. Returns true if its owner has done with it too, else RELEASE
 * follows.
 */
bool fk_deferred_close(uintptr_t request, int reason);

/* The handle was used up by forker_deferred_next(), and the loop goes on with the request. */
void fk_deferred_leave(uintptr_t request);

/* Gives what was written to a stream since the last call. Returns true if it has ended. */
bool fk_deferred_take(uintptr_t request, const char **data_out, uint64_t *len_out);

/*
 * The loop of `server` ends, and the process goes on. Requests whose handles are not used up stay the program's; so do
 * the mappings that they are in, until the last of them is over. Returns how many there are. The loop's thread, when
 * all of them are closed.
 */
int fk_deferred_retain(forker_server *server, const fk_mapping *mappings, size_t count);

/* Makes all handles void that are left of a server that goes away. The program uses no request of theirs any more. */
void fk_deferred_void(const forker_server *server);

/* Looks a handle up and locks what stands behind it. NULL: it is over, or not of this process. */
fk_deferred *fk_deferred_lock(forker_deferred handle);

/* What a call returns for a handle that stands for nothing. */
int fk_deferred_over(void);

/* Unlocks, and returns `code`. */
int fk_deferred_unlock(fk_deferred *deferred, int code);

/* Fails for an argument, whatever the handle is. */
int fk_deferred_refuse(forker_deferred handle, const char *verb, int code, const char *fault);

/* Fails because the client has left, and unlocks. */
int fk_deferred_abort(fk_deferred *deferred, const char *verb);

/*
 * The sentence of the last call that failed about the handle of a request, else about the request itself. The owner has
 * ended its side.
 */
const char *fk_deferred_failure(uintptr_t request);

/* Tells the loop, and unlocks. */
void fk_deferred_tell(fk_deferred *deferred, uint32_t event);

/* Ends the owner's side with `event`, and unlocks. Returns FORKER_OK, or FORKER_E_ABORTED if the client has left. */
int fk_deferred_end(fk_deferred *deferred, uint32_t event);

#endif
