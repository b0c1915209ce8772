/* The admin listener: its address and its socket. What is served there is package prefork/admin's, in the master. */
#ifndef FORKER_ADMIN_H
#define FORKER_ADMIN_H

#include "base/server.h"

/* Whether `text` is where an admin listener may be: "unix:/path", or a loopback address with its port. */
bool fk_admin_is_address(const char *text);

/* Opens the socket that option admin asks for, if it does. Returns FORKER_OK or FORKER_E_ADDRESS. */
int fk_admin_open(forker_server *server);

bool fk_admin_is_open(const forker_server *server);

/* Closes it; a unix socket file that is still the one that was made is removed. */
void fk_admin_close(forker_server *server);

/* Closes the descriptor only: for a process that does not serve it. */
void fk_admin_forget(forker_server *server);

#endif
