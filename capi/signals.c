/* The signals of the process that called run: TERM and QUIT stop gracefully, INT and a second TERM at once. */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { TAKEN = 3 };

static const int taken[TAKEN] = {SIGTERM, SIGQUIT, SIGINT};

static forker_server *volatile stopped_by_signals;
static struct sigaction program_actions[TAKEN];
static struct sigaction program_chld;
static sigset_t program_mask;
static bool handlers_taken, chld_taken;

static void on_stop(int number)
{
    int reason = errno;
    forker_server *server = stopped_by_signals;
    if (server != NULL && server->shared != NULL) {
        bool again = server->shared->stop_timeout_ms != INT32_MAX;
        (void)forker_server_stop(server, number == SIGINT || again ? 0 : -1);
    }
    errno = reason;
}

static void install(int number, void (*handler)(int), struct sigaction *before)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, before);
}

/* With SIGCHLD ignored the kernel would reap the workers, and their wait status would be lost. */
static void take_chld(void)
{
    (void)sigaction(SIGCHLD, NULL, &program_chld);
    chld_taken = program_chld.sa_handler == SIG_IGN || (program_chld.sa_flags & SA_NOCLDWAIT) != 0;
    if (chld_taken) {
        install(SIGCHLD, SIG_DFL, NULL);
    }
}

void fk_signals_take(forker_server *server)
{
    sigset_t ours;
    stopped_by_signals = server;
    handlers_taken = fk_server_option(server, FK_OPTION_HANDLE_SIGNALS) != 0;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &program_mask);
    take_chld();
    if (handlers_taken) {
        (void)sigemptyset(&ours);
        for (int i = 0; i < TAKEN; i++) {
            install(taken[i], on_stop, &program_actions[i]);
            (void)sigaddset(&ours, taken[i]);
        }
        (void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    }
}

void fk_signals_give_back(void)
{
    for (int i = 0; handlers_taken && i < TAKEN; i++) {
        (void)sigaction(taken[i], &program_actions[i], NULL);
    }
    if (chld_taken) {
        (void)sigaction(SIGCHLD, &program_chld, NULL);
    }
    (void)pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
    handlers_taken = chld_taken = false;
    stopped_by_signals = NULL;
}
