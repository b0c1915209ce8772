/*
 * The service manager is told how things are: the protocol of sd_notify(3), datagrams to the socket that NOTIFY_SOCKET
 * names. All of it comes from the spawner, which is the process that systemd takes for the service (NotifyAccess=main).
 */
#ifndef FORKER_NOTIFY_H
#define FORKER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

struct fk_spawner;

typedef struct {
    struct sockaddr_un name;
    socklen_t size;       /* of name; 0: nobody wants to be told */
    uint64_t watchdog_ns; /* WATCHDOG=1 is sent at this interval; 0: not */
    uint64_t ping_ns;     /* when the master is asked next whether it is well */
    uint32_t told_ready;  /* what STATUS= said last: so many of */
    uint32_t told_wanted; /* so many */
    bool ready;           /* READY=1 was sent */
    bool reloading;       /* RELOADING=1 was sent and no READY=1 since */
    bool stopping;
} fk_notify;

/* Finds out from the environment who is to be told, and what. */
void fk_notify_open(struct fk_spawner *spawner);

/* Tells what the master has published, and that it is well. */
void fk_notify_published(struct fk_spawner *spawner);

/* A reload begins; one that is refused is over at once. */
void fk_notify_reloading(struct fk_spawner *spawner);
void fk_notify_reloaded(struct fk_spawner *spawner);

/* A stop begins. */
void fk_notify_stopping(struct fk_spawner *spawner);

/* Another process is the service from now on. Its workers are ready, so its master was well a moment ago. */
void fk_notify_main(struct fk_spawner *spawner, pid_t pid);

/* This process is the service from now on: tells what there was to tell while another one was. */
void fk_notify_begin(struct fk_spawner *spawner);

/* Asks the master whether it is well, when it is time. Returns when to look again. */
uint64_t fk_notify_watch(struct fk_spawner *spawner);

#endif
