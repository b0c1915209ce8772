/* Listening sockets. */
#ifndef FORKER_LISTENER_H
#define FORKER_LISTENER_H

#include "server.h"

/* Opens again what an earlier run closed. Returns FORKER_OK or FORKER_E_ADDRESS. */
int fk_listeners_reopen(forker_server *server);

/* Closes all sockets; removes the unix socket files that are still those which were made here. */
void fk_listeners_close(forker_server *server);

/* Closes the descriptors only: for a process that does not serve. */
void fk_listeners_forget(forker_server *server);

#endif
