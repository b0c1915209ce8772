/* Address space, of which the Go runtime reserves a lot at its start, and ends the process where there is too little. */
#ifndef FORKER_SPACE_H
#define FORKER_SPACE_H

#include "base/server.h"

/* FORKER_OK, or FORKER_E_MEMORY with a sentence: the limit of this process (RLIMIT_AS) leaves Go too little. */
int fk_space_check(forker_server *server);

/*
 * Before Go starts: where address space is limited, has malloc(3) not reserve 64 MiB for each thread, which would leave
 * none for the stacks of the next ones. Without a thread that it needs the runtime ends the process.
 */
void fk_space_spare(void);

#endif
