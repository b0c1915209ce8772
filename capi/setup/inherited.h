/*
 * What this process has from the one that it is to replace (upgrade.c): its listening sockets, and a channel to say
 * that it is ready.
 *
 * They come in FORKER_INHERIT, "1 <pid of the heir> <pid of the other> <channel>;<fd><kind> <address>;...": kind m is a
 * unix socket whose file the other has made, s one more socket of the address before (shard.c), t no socket but the keys of
 * session tickets (ticket.h), - any other; "%" and
 * ";" in an address are written %25 and %3b. As with LISTEN_PID, the pid tells who is meant when the variable is passed
 * on.
 */
#ifndef FORKER_INHERITED_H
#define FORKER_INHERITED_H

#include "setup/listener.h"

#define FK_INHERITED_VARIABLE "FORKER_INHERIT"
#define FK_INHERITED_VERSION 1

/* Whether there is another process that serves on these sockets and has not been told yet to leave. */
bool fk_inherited_is_pending(void);

/*
 * Whether that process still speaks for the service: until it has answered that it was told, by closing its end of the
 * channel. The service manager knows by then who the main process is, and does not listen to this one before.
 */
bool fk_inherited_is_spoken_for(void);

/* The channel, to be polled for that response; -1: none is waited for. */
int fk_inherited_channel(void);

/* Whether the response has just come. */
bool fk_inherited_is_answered(void);

/* Takes the descriptor of the keys of session tickets; -1: there is none. */
int fk_inherited_tickets(void);

/* The pid of that process; 0 if there never was one. */
pid_t fk_inherited_from(void);

/* Whether there are sockets of an address, and takes them in. Returns what forker_server_listen() returns. */
bool fk_inherited_has(const char *address);
int fk_inherited_listen(const fk_address *address);

/* Closes the sockets that no call of forker_server_listen() has asked for. Returns FORKER_OK. */
int fk_inherited_drop(forker_server *server);

/* This process serves: from now on everything is its own, and the other one leaves. */
void fk_inherited_take_over(forker_server *server);

/* Closes the channel only: for a forked process. */
void fk_inherited_forget(void);

#endif
