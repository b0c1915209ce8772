/* Forks by the program, in whose children the library leaves everything. */
#ifndef FORKER_ATFORK_H
#define FORKER_ATFORK_H

/* From now on the library hears of forks. */
void fk_atfork_watch(void);

#endif
