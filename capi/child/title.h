/* What ps(1) and top(1) show of master and workers. */
#ifndef FORKER_TITLE_H
#define FORKER_TITLE_H

#include "base/server.h"

/*
 * Names this process "program: master" or "program: worker 0", if option process_titles allows. While /proc is there.
 */
void fk_title_set(const forker_server *server);

/* After the program had its say: if it has set a title of its own, that is what is shown. */
void fk_title_yield(void);

#endif
