/* The sockets that a server listens on. */
#ifndef FORKER_LISTENING_H
#define FORKER_LISTENING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/secure.h"

enum { FK_LISTENERS_MAX = 64, FK_ADDRESS_MAX = 128, FK_SOURCE_MAX = 256, FK_SHARDS_MAX = 64 };

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

#endif
