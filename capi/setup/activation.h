/* Sockets from the service manager: systemd's socket activation, sd_listen_fds(3). */
#ifndef FORKER_ACTIVATION_H
#define FORKER_ACTIVATION_H

#include "setup/listener.h"

#define FK_ACTIVATION_NAME "systemd"

/*
 * Listens on "systemd", all sockets that were passed, or "systemd:name". Returns what forker_server_listen() returns.
 */
int fk_activation_listen(const fk_address *address);

#endif
