/* Unix socket files: how they come to be, whose they are, and how they go. */
#ifndef FORKER_UNIXSOCKET_H
#define FORKER_UNIXSOCKET_H

#include "setup/listener.h"

#define FK_UNIX_PREFIX "unix:"

/* Listens on "unix:/path?mode=0660&user=www&group=www". Returns what forker_server_listen() returns. */
int fk_unixsocket_listen(const fk_address *address);

/* Notes which file the socket has. Returns false if there is none. */
bool fk_unixsocket_identify(fk_listener *listener);

/* Removes the file of a socket that was made here, if it is still that file. Before the socket is closed. */
void fk_unixsocket_remove(const fk_listener *listener);

#endif
