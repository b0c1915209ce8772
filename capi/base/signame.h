/* Signals by name. */
#ifndef FORKER_SIGNAME_H
#define FORKER_SIGNAME_H

/* "SIGTERM"; of a signal without a name of its own "a signal". Async-signal-safe. */
const char *fk_signame(int number);

#endif
