/* Functions that are to be called on the main thread of the process that serves. */
#ifndef FORKER_POST_H
#define FORKER_POST_H

#include "base/server.h"

/* From now on functions are taken. Returns an eventfd that can be read when there are some, or -1 with errno. */
int fk_post_open(forker_server *server);

/* Calls those that have been posted by now. On the main thread. */
void fk_post_run(forker_server *server);

/* The loop has ended: takes no more, and calls those that were taken. On the main thread. */
void fk_post_close(forker_server *server);

#endif
