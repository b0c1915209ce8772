/* What the program, and its other threads, have for the loop of the process that serves. */
#ifndef FORKER_INBOX_H
#define FORKER_INBOX_H

#include <pthread.h>
#include <stdint.h>

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

#endif
