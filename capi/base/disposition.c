/* Dispositions of signals: the library's, and what they are in place of. */
#include "base/disposition.h"

#include <stdbool.h>
#include <string.h>

enum { SIGNALS = _NSIG };

typedef struct {
    bool is_set;              /* by the library */
    struct sigaction program; /* what it is in place of */
    void (*handler)(int);     /* the library's; sa_sigaction is at the same place */
} disposition;

static disposition dispositions[SIGNALS];
static struct sigaction before_go[SIGNALS];

/* The latest that somebody other than the library has set. */
static void keep(int number, const struct sigaction *before, void (*handler)(int))
{
    disposition *kept = &dispositions[number];
    if (!kept->is_set || before->sa_handler != kept->handler) {
        kept->program = *before;
    }
    kept->is_set = true;
    kept->handler = handler;
}

void fk_disposition_set(int number, const struct sigaction *action)
{
    struct sigaction before;
    if (sigaction(number, action, &before) == 0) {
        keep(number, &before, action->sa_handler);
    }
}

static void on_nothing(int number)
{
    (void)number;
}

/*
 * SIGWINCH does nothing by default. A read or write that SIGTTIN or SIGTTOU has interrupted would raise it again if it
 * were restarted.
 */
void fk_disposition_ignore(int number)
{
    struct sigaction action, program = fk_disposition_of_program(number);
    memset(&action, 0, sizeof action);
    action.sa_handler = program.sa_handler == SIG_IGN ? SIG_IGN : number == SIGWINCH ? SIG_DFL : on_nothing;
    action.sa_flags = SA_ONSTACK | (number == SIGTTIN || number == SIGTTOU ? 0 : SA_RESTART);
    (void)sigemptyset(&action.sa_mask);
    fk_disposition_set(number, &action);
}

struct sigaction fk_disposition_of_program(int number)
{
    struct sigaction present;
    const disposition *kept = &dispositions[number];
    (void)sigaction(number, NULL, &present);
    return kept->is_set && present.sa_handler == kept->handler ? kept->program : present;
}

void fk_disposition_give_back(int number)
{
    disposition *kept = &dispositions[number];
    struct sigaction present;
    if (kept->is_set && sigaction(number, NULL, &present) == 0 && present.sa_handler == kept->handler) {
        (void)sigaction(number, &kept->program, NULL);
    }
    kept->is_set = false;
}

void fk_disposition_give_back_all(void)
{
    for (int number = 1; number < SIGNALS; number++) {
        fk_disposition_give_back(number);
    }
}

void fk_disposition_before_go(void)
{
    for (int number = 1; number < SIGNALS; number++) {
        (void)sigaction(number, NULL, &before_go[number]);
    }
}

void fk_disposition_after_go(void)
{
    for (int number = 1; number < SIGNALS; number++) {
        struct sigaction present;
        if (sigaction(number, NULL, &present) == 0 && present.sa_handler != before_go[number].sa_handler) {
            keep(number, &before_go[number], present.sa_handler);
        }
    }
}
