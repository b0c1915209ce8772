/* The ways from C into Go, but for those from inside of a handler. Each is described where it stands in Go. */
#ifndef FORKER_ENTRY_H
#define FORKER_ENTRY_H

#include <stdbool.h>

#include "forker.h"

/* Returns when the runtime, whose start has begun, is up. */
void fk_entry_wait(void);

/* The master's life, and a worker's. Return what the process has come to. */
int fk_entry_master(forker_server *server, int channel);
int fk_entry_worker(forker_server *server, int channel, int lifeline, int drain);

/* In a process forked for that: looks at the certificates, and writes to fd what is wrong with them. */
int fk_entry_inspect(forker_server *server, int fd);

/* A server that is served in this process, with workers=0. */
int fk_entry_host_open(forker_server *server, bool polled);
int fk_entry_host_fd(forker_server *server);
int fk_entry_host_poll(forker_server *server, int timeout_ms);
int fk_entry_host_adopt(forker_server *server, int fd);
int fk_entry_host_serve(forker_server *server);

#endif
