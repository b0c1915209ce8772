/*
 * What the library has put in place of the program's dispositions of signals, in this process: so that they can be given
 * back, to the program when run returns, and to a child that the program forks.
 */
#ifndef FORKER_DISPOSITION_H
#define FORKER_DISPOSITION_H

#include <signal.h>

/* Sets the disposition of a signal. That of the program is kept. */
void fk_disposition_set(int number, const struct sigaction *action);

/*
 * Has a signal do nothing, by an empty handler: execve(2) makes of that the default, while it would leave SIG_IGN to the
 * programs that handlers start, in which a shell could not even trap the signal. What the program ignores stays ignored.
 */
void fk_disposition_ignore(int number);

/* The program's disposition. */
struct sigaction fk_disposition_of_program(int number);

/* Gives one back, unless the program has set another one since. */
void fk_disposition_give_back(int number);

/* Gives all back. Async-signal-safe. */
void fk_disposition_give_back_all(void);

/* Around the start of the Go runtime, which sets some: notes which. */
void fk_disposition_before_go(void);
void fk_disposition_after_go(void);

#endif
