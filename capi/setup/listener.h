/* Listening sockets. */
#ifndef FORKER_LISTENER_H
#define FORKER_LISTENER_H

#include "base/server.h"

/* Opens again what an earlier run closed. Returns FORKER_OK or FORKER_E_ADDRESS. */
int fk_listeners_reopen(forker_server *server);

/* Closes all sockets and removes their files. */
void fk_listeners_close(forker_server *server);

/* FORKER_OK if all are listening sockets still, and those for proxies have some; or FORKER_E_ADDRESS with a sentence: the program may have closed one. */
int fk_listeners_check(forker_server *server);

/*
 * The port of HTTPS that the requests of an address are redirected to; 0: they are served, or FK_REDIRECT_ON finds no
 * address with TLS that has a port.
 */
uint16_t fk_listener_redirect(const forker_server *server, const fk_listener *listener);

/* Says where is being served now. */
void fk_listeners_tell(forker_server *server);

/* Whether a descriptor is a socket that listens. */
bool fk_listener_listens(int fd);

/* Removes the unix socket files that are still those which were made here. */
void fk_listeners_remove_files(const forker_server *server);

/* Closes the descriptors only: for a process that does not serve. */
void fk_listeners_forget(forker_server *server);

/* The same for one socket that is not in the server's list. Opening it fails as run does, not as setup. */
int fk_listener_open(forker_server *server, const char *address, fk_listener *listener_out);
void fk_listener_close(fk_listener *listener);
void fk_listener_forget(fk_listener *listener);

/* ---------------------------------------------------- what the kinds of addresses share: unixsocket.c, activation.c */

/* An address that is being listened on. */
typedef struct {
    forker_server *server;
    const char *text;   /* without what is about TLS */
    uint32_t most;      /* how many sockets the list may have then */
    const char *source; /* as the caller gave it */
    fk_secure tls;
} fk_address;

/* Remembers why it cannot be listened on. Return FORKER_E_ADDRESS. */
int fk_address_refuse(const fk_address *address, const char *reason);
int fk_address_refuse_errno(const fk_address *address, const char *call);

/* Takes `listener`, whose socket is bound, into the server and makes it listen. Closes it on failure. */
int fk_listener_adopt(const fk_address *address, fk_listener *listener);

/* What a connection inherits from its listening socket costs no system call when it is accepted. */
void fk_listener_set_options(const forker_server *server, int fd);

/* Closes all but the first `count` sockets: those of an address that can be listened on in part only. */
void fk_listeners_drop(forker_server *server, uint32_t count);

/* Checks that `fd` is a listening stream socket of somebody else's, and takes in a duplicate. */
int fk_listener_borrow(const fk_address *address, int fd);

#endif
