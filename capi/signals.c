/*
 * The signals of the process that called run: TERM and QUIT stop gracefully, INT and a second TERM at once; HUP reloads, USR1
 * has the logs opened anew, USR2 upgrades the binary, TTIN and TTOU are a worker more and less, WINCH drains all workers.
 */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum { STOPS = 3, TAKEN = 9 };

/*
 * The first STOPS of them stop. The others are taken only where workers are forked, and not from a program that handles them: it had
 * its own use for them before it served.
 */
static const int taken[TAKEN] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};

static forker_server *volatile steered_by_signals;
static bool is_taken[TAKEN];
static struct sigaction program_actions[TAKEN];
static struct sigaction program_chld;
static sigset_t program_mask;
static bool chld_taken;

static void on_stop(int number)
{
    int reason = errno;
    forker_server *server = steered_by_signals;
    if (server != NULL && server->shared != NULL) {
        bool again = server->shared->stop_timeout_ms != INT32_MAX;
        (void)forker_server_stop(server, number == SIGINT || again ? 0 : -1);
    }
    errno = reason;
}

static void act(forker_server *server, int number)
{
    switch (number) {
    case SIGHUP:
        (void)forker_server_reload(server);
        break;
    case SIGUSR1:
        (void)forker_server_reopen(server);
        break;
    case SIGUSR2:
        (void)forker_server_upgrade(server);
        break;
    case SIGTTIN:
        (void)forker_server_scale(server, 1);
        break;
    case SIGTTOU:
        (void)forker_server_scale(server, -1);
        break;
    default:
        (void)forker_server_drain(server);
        break;
    }
}

/* TTIN, TTOU and WINCH also come from a terminal that is read, written or resized; then nobody wants anything. */
static void on_action(int number, siginfo_t *info, void *context)
{
    int reason = errno;
    forker_server *server = steered_by_signals;
    bool from_terminal = info->si_code == SI_KERNEL && number != SIGHUP;
    (void)context;
    if (server != NULL && !from_terminal) {
        act(server, number);
    }
    errno = reason;
}

static void install(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void install_action(int number)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_action;
    action.sa_flags = SA_ONSTACK | SA_RESTART | SA_SIGINFO;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

/* With SIGCHLD ignored the kernel would reap the workers, and their wait status would be lost. */
static void take_chld(void)
{
    (void)sigaction(SIGCHLD, NULL, &program_chld);
    chld_taken = program_chld.sa_handler == SIG_IGN || (program_chld.sa_flags & SA_NOCLDWAIT) != 0;
    if (chld_taken) {
        install(SIGCHLD, SIG_DFL);
    }
}

static bool is_wanted(const forker_server *server, int index)
{
    const struct sigaction *own = &program_actions[index];
    if (fk_server_option(server, FK_OPTION_HANDLE_SIGNALS) == 0) {
        return false;
    }
    return index < STOPS || (fk_server_option(server, FK_OPTION_WORKERS) != 0 &&
                             (own->sa_handler == SIG_DFL || own->sa_handler == SIG_IGN));
}

void fk_signals_take(forker_server *server)
{
    sigset_t ours;
    steered_by_signals = server;
    (void)sigemptyset(&ours);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &program_mask);
    take_chld();
    for (int i = 0; i < TAKEN; i++) {
        (void)sigaction(taken[i], NULL, &program_actions[i]);
        is_taken[i] = is_wanted(server, i);
        if (!is_taken[i]) {
            continue;
        }
        if (i < STOPS) {
            install(taken[i], on_stop);
        } else {
            install_action(taken[i]);
        }
        (void)sigaddset(&ours, taken[i]);
    }
    (void)pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

void fk_signals_give_back(void)
{
    for (int i = 0; i < TAKEN; i++) {
        if (is_taken[i]) {
            (void)sigaction(taken[i], &program_actions[i], NULL);
            is_taken[i] = false;
        }
    }
    if (chld_taken) {
        (void)sigaction(SIGCHLD, &program_chld, NULL);
    }
    (void)pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
    chld_taken = false;
    steered_by_signals = NULL;
}

void fk_signals_leave(void)
{
    for (int i = STOPS; i < TAKEN; i++) {
        if (is_taken[i]) {
            install(taken[i], SIG_IGN);
        }
    }
}

void fk_signals_use_altstack(void)
{
    for (int number = 1; number <= SIGRTMAX; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
            (action.sa_flags & SA_ONSTACK) == 0) {
            action.sa_flags |= SA_ONSTACK;
            (void)sigaction(number, &action, NULL);
        }
    }
}
