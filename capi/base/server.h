/* struct forker_server, and what the C files share of it. */
#ifndef FORKER_SERVER_H
#define FORKER_SERVER_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/optiontable.h"
#include "base/secure.h"
#include "base/slot.h"
#include "forker.h"

enum {
    FK_LISTENERS_MAX = 64,
    FK_ADDRESS_MAX = 128,
    FK_SOURCE_MAX = 256,
    FK_SHARDS_MAX = 64,
    FK_SENTENCE_MAX = 512,
    FK_LOGFILE_ERROR = 0, /* of the log files */
    FK_LOGFILE_ACCESS = 1,
    FK_LOGFILES = 2,
    FK_NO_STOP = INT32_MAX, /* as the limit of a stop: nobody wants one */
    FK_ROUTES_MAX = 65535,
    FK_PARAMS_MAX = 16, /* of a route */
    FK_VALUES_MAX = 16, /* of a request */
    FK_PATTERN_MAX = 1024,
    FK_METHOD_MAX = 24,
    FK_METHODS_MAX = 54,                  /* that are not standard; router.maxNamed */
    FK_FORM_LIMITS = 5,                   /* see FK_FORM_PARTS */
    FK_FORM_OWN = 2,                      /* what the limits of a route have added */
    FK_GATE_OPTIONS = 13,                 /* that a route can have of its own; gateoption.c */
    FK_OWN_OPTIONS = FK_GATE_OPTIONS + 7, /* those too that say how files are served */
    FK_RATES_SIZE = 64 + 65536 * 16,      /* gate.RatesBytes: a key, and the clients */
    FK_RATES_KEY = 16,
    FK_REWRITES_MAX = 256
};

/* Limits of forms, in the order of their options, the first of which is FK_OPTION_FORM_PARTS. */
enum { FK_FORM_PARTS, FK_FORM_FIELD, FK_FORM_FIELDS, FK_FORM_FILE, FK_FORM_FILES };

/* What a program has set of a route or a group; routeoption.c. */
typedef struct {
    uint32_t option; /* which one */
    char *value;
} fk_setting;

typedef struct {
    fk_setting *items;
    uint32_t count;
} fk_settings;

/* Functions around the handlers of a group; chain.c of exchange. */
typedef struct {
    forker_handler before; /* NULL: none */
    forker_done_fn done;   /* NULL: none */
    void *user;
} fk_use;

/* What a program has of a part of a server; group.c. Those of a server are a list. */
struct forker_group {
    forker_server *server;
    forker_group *around; /* the group that it is in; NULL: it is the server itself */
    char *host;           /* of its routes, in small letters, "*.example.org" too; NULL: any */
    char *prefix;         /* of all patterns in it, with those of the groups around it; "" or "/..." */
    fk_settings settings;
    fk_use *uses;
    uint32_t use_count;
    uint32_t chain_count;
    const fk_use **chain; /* of the groups around it too, from outside to inside; made at start */
    forker_group *next;
};

typedef struct {
    char *methods; /* "GET,POST" or "*" */
    char *pattern;
    forker_handler handler;
    void *user;
    uint32_t param_count;
    uint32_t shape;           /* a hash of the pattern without the names of its parameters */
    uint32_t next;            /* another route in the same place of forker_server.shapes: its index and 1; 0: none */
    uint32_t ordinal;         /* how many routes of the program's there are up to this one */
    char *name;               /* for forker_url(); NULL: it has none */
    forker_group *group;      /* NULL: the server itself */
    bool begins_service;      /* the first method of its service */
    bool adopted;             /* a method of gRPC that is in its group because it is below the prefix */
    fk_settings settings;     /* its own, which go before those of the group */
    char *directory;          /* in place of the handler: its files are served; NULL: none */
    bool follows;             /* likewise: it is the same as the route before, for the prefix of the directory itself */
    bool guards;              /* it has no handler, but the group's functions for what is below the prefix */
    bool pooled;              /* the handler runs on a thread of the pool */
    bool streamed;            /* it is called at the head, and may take the body piece by piece */
    uint8_t grpc;             /* of a method of gRPC its kind, FORKER_GRPC_*, and 1; 0: it is none */
    int64_t max_body;         /* -1: as the option says */
    const char **param_names; /* pieces of `names`, in the order of the pattern */
    char *names;
    const char *own[FK_OWN_OPTIONS]; /* of its settings and its groups': gateoption.c; NULL: as the server says */
    /* Limits of forms, by FK_FORM_*: the limit, or -1 for none, and FK_FORM_OWN; 0: as the option says. */
    int64_t form[FK_FORM_LIMITS];
} fk_route;

/* A path that stands for another one; rewrite.c. */
typedef struct {
    char *from, *to;
} fk_rewrite;

/* What a program has of a route; those of a server are a list. */
struct forker_route {
    forker_server *server;
    uint32_t index;
    struct forker_route *next;
};

/* The rate of log lines; loglimit.c. */
typedef struct {
    struct {
        uint64_t ends_ns;
        int64_t written;
        uint32_t missed;
    } windows[FORKER_LOG_DEBUG + 1]; /* by level */
    int timer;                       /* -1: none */
} fk_loglimit;

/* Log lines that are lost and not told of yet; logloss.c. */
typedef struct {
    uint32_t lines;
    int reason; /* of the last one, see fk_logloss_count() */
} fk_logloss;

struct fk_deferred;
struct fk_interim;

/* What other threads have to tell the loop of this process; see deferred.c, and wire.c for interim responses. */
typedef struct {
    pthread_mutex_t lock;
    struct fk_deferred *first, *last;
    struct fk_interim *first_interim, *last_interim;
    uint64_t interim_bytes;   /* that wait */
    struct fk_interim *taken; /* the loop's: the one that it has */
    int fd;                   /* eventfd: there is something */
} fk_queue;

struct fk_post;

/* Functions that wait to be called on the main thread; post.c. */
typedef struct {
    pthread_mutex_t lock;
    struct fk_post *first, *last;
    int fd; /* eventfd: there are some; -1: none is taken */
} fk_posts;

typedef struct fk_timer_table fk_timer_table;

/* Timers; timer.c. */
typedef struct {
    pthread_mutex_t lock;
    fk_timer_table *table;
    int fd; /* timerfd: some are due; -1: none is taken */
} fk_timers;

typedef struct {
    int fd;       /* -1 while closed between two runs */
    int borrowed; /* "fd:N": the program's descriptor, which `fd` duplicates; else -1 */
    int family;
    fk_secure tls;
    bool made;      /* unix: the socket file was made here */
    bool inherited; /* unix: it will count as made here when this process takes over (inherited.c) */
    dev_t device;   /* unix: the file, so that only that one is removed */
    ino_t inode;
    bool sharded; /* there is one socket for each worker: `fd` and `shards`; shard.c */
    uint32_t shard_count;
    int shards[FK_SHARDS_MAX];
    char source[FK_SOURCE_MAX]; /* what forker_server_listen() was called with; several sockets can have the same */
    char file[FK_ADDRESS_MAX];  /* unix: as it is bound, from the root if that fits; "" of an abstract or unnamed one */
    char address[FK_ADDRESS_MAX]; /* with the real port, as forker_server_listen() takes it */
} fk_listener;

typedef struct {
    forker_hook call;
    void *user;
} fk_hook;

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

typedef struct {
    forker_server_hook call;
    void *user;
} fk_server_hook;

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

/* What keeps a server from being run: setup calls that failed, and wrong values of the environment. */
typedef struct {
    uint32_t failures;
    bool latest; /* the latest failure of a call is one of them: forker_server_clear_error() can take it back */
} fk_setup;

struct forker_server {
    /* Set up by the program, then read in every process. */
    fk_option_value options[FK_OPTION_COUNT];
    fk_route *routes;
    uint32_t route_count;
    uint32_t route_cap; /* a power of two */
    uint32_t named_count;
    uint32_t *named; /* the indices of routes that have a name, by it */
    forker_route *route_handles;
    fk_rewrite *rewrites;
    uint32_t rewrite_count;
    forker_group *groups;
    forker_group *root; /* one of them: the server itself; NULL: the program has not asked for it */
    uint32_t *shapes;   /* by fk_route.shape, route_cap of them: the index and 1 of the latest such route; 0: none */
    char methods[FK_METHODS_MAX][FK_METHOD_MAX + 1]; /* that routes name and are not standard ones */
    uint32_t method_count;
    forker_release_fn value_destroy[FK_VALUES_MAX]; /* by slot of forker_server_slot() */
    uint32_t value_slots;
    fk_listener listeners[FK_LISTENERS_MAX + 1]; /* the last place is for fk_listener_open() */
    uint32_t listener_count;
    struct fk_certificates *certificates; /* NULL: none */
    struct fk_health *health;             /* NULL: there is no health service */
    struct fk_descriptors *descriptors;   /* NULL: there is no reflection */
    struct fk_tickets *tickets;           /* shared; NULL: there are none */
    int tickets_fd;                       /* of the same memory; -1: none */
    void *rates;                          /* shared, FK_RATES_SIZE: how often clients came; NULL: nobody asks */
    fk_hook before_fork, post_fork, worker_init, worker_ready, worker_loop, worker_drain, worker_exit, thread_start,
        thread_exit;
    forker_error_fn on_error; /* NULL: none */
    void *on_error_user;
    fk_server_hook on_reload, on_reopen, master_tick;
    forker_death_fn worker_died;
    void *worker_died_user;
    forker_fork_fn fork_fn;
    void *fork_user;
    forker_log_fn log_fn;
    void *log_user;
    forker_access_log_fn access_fn;
    void *access_user;
    char *config_path;            /* of forker_server_load(), or NULL */
    fk_option_value *config_base; /* the options as they were before it */
    pid_t owner;                  /* the process that made the server, or a child of it that was forked before it ran */
    bool split;          /* there may be two owners: files of unix sockets are left alone until this one runs it */
    bool lost;           /* this process was forked by the program off one in which it ran */
    forker_server *next; /* another server of this process */

    /* While running. */
    volatile fk_server_state state;
    volatile int32_t early_stop_ms; /* a stop for the next run, which has not begun; FK_NO_STOP: none */
    const char *verb;               /* which call has begun it, for its sentences: "run", "start" or "open" */
    sigset_t mask;                  /* of the thread that has made this call */
    fk_background background;
    uintptr_t loop; /* Go's handle of what serves in this process */
    bool opened;    /* by forker_server_open(), and not ended yet */
    bool lent;      /* to the program's own loop, which polls it: it has not returned from worker_loop */
    bool polling;   /* inside of forker_server_poll() */
    fk_identity identity;
    fk_pidfile pidfile;
    fk_shared *volatile shared;  /* NULL while not running */
    fk_shared *volatile figures; /* the same memory, which stays until the next run or the end of the server */
    size_t shared_size;
    uint32_t slots;             /* that it has; what the header says is for readers from outside */
    int shared_fd;              /* of it, as long as processes are forked; -1: a mapping without a name, or none */
    fk_orders *volatile orders; /* NULL in master and workers, which ask through their slots */
    fk_listener admin;          /* address "": none */
    int log_fds[FK_LOGFILES];   /* by FK_LOGFILE_*; -1: none */
    int keylog_fd;              /* -1: none; keylog.c */
    int stderr_aside;           /* see fk_sink.aside */
    fk_logloss losses[FK_LOGFILES];
    bool journal; /* stderr is a stream of systemd's journal, which reads a line's level from a prefix */
    fk_loglimit loglimit;
    char *directory; /* in which run was called; path.c */
    char *early;     /* log lines that wait for the error log to be opened; logearly.c */
    size_t early_len;
    volatile uint64_t early_asker; /* who has asked for the stop that came before the run */
    fk_queue queue;                /* of the process that serves */
    fk_posts posts;                /* likewise */
    fk_timers timers;              /* likewise */
    volatile int
        wake_fd; /* eventfd: shared->stop_timeout_ms or orders->actions has changed; open from the first run on. In a
                    worker: the pipe by which it has the spawner look at its slot */

    char error[FK_SENTENCE_MAX];       /* the last failure */
    char setup_error[FK_SENTENCE_MAX]; /* the first failed setup call that counts, for run */
    fk_setup setup;
};

/* Remembers the sentence of a failure and returns `code`. */
int fk_server_fail(forker_server *server, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Has the process that runs the server look at the shared header. Async-signal-safe. */
void fk_server_wake(const forker_server *server);

/*
 * The place of slot `index`, which is one of server->slots: addresses in the shared memory are made here only, and of
 * numbers that no other process can write. Only while running.
 */
static inline fk_slot *fk_server_slot(const forker_server *server, uint32_t index)
{
    return (fk_slot *)(void *)((char *)server->shared + (size_t)FK_SLOT_SIZE * (1 + (size_t)index));
}

/* Black box number `box`, from 0 to FK_BOXES - 1, of slot `index` beyond the one in its page. */
static inline fk_black_box *fk_server_box(const forker_server *server, uint32_t index, uint32_t box)
{
    size_t boxes = (size_t)FK_SLOT_SIZE * (1 + (size_t)server->slots);
    return (fk_black_box *)(void *)((char *)server->shared + boxes + FK_BOX_SIZE * (FK_BOXES * (size_t)index + box));
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

#endif
