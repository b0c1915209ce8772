/*
 * Who the processes run as. With option user, run is called by root and then:
 *
 *   spawner   stays root. It opens the listening sockets and, for a next run, opens them again, forks workers that can
 *             drop root, sends them signals, and removes its own files. It runs no code for a request.
 *   master    user and group. It only decides, and needs /proc: it is not confined to option chroot, and cannot be
 *             traced.
 *   workers   user, group, chroot; the hooks and handlers of the program see nothing else.
 *
 * Neither of the two has a capability left, nor a way to get one back, by itself or, unless option no_new_privs lets
 * them, by the programs that it starts.
 */
#ifndef FORKER_PRIVILEGE_H
#define FORKER_PRIVILEGE_H

#include "base/server.h"

/* Before the first fork: finds the groups, and refuses what cannot work. Returns FORKER_OK or what run returns. */
int fk_privilege_prepare(forker_server *server);

/* Releases what was prepared. */
void fk_privilege_release(forker_server *server);

/*
 * In a forked child: gives up root for good. Returns NULL, or what failed, with errno. It clears the death signal, see
 * prctl(2).
 */
const char *fk_privilege_drop(const forker_server *server);

#endif
