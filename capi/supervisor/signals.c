/*
 * The signals of the process that called run: TERM and QUIT stop gracefully, INT and a second TERM at once; HUP
 * reloads, or stops gracefully if it says that the terminal is gone; USR1 has the logs opened anew, USR2 upgrades the binary, TTIN and TTOU are a worker more and less, WINCH
 * drains all workers.
 */
#include "supervisor/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"
#include "base/process.h"
#include "supervisor/asker.h"

enum { STOPS = 3, TAKEN = 9 };

/*
 * The first STOPS of them stop. The others are taken only where workers are forked, and not from a program that handles
 * them: it had its own use for them before it served.
 */
static const int taken[TAKEN] = {SIGTERM, SIGQUIT, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU, SIGWINCH};

static forker_server *volatile steered_by_signals;
static pid_t steered; /* the process whose signals they are */
static bool is_taken[TAKEN];
static sigset_t program_mask;
static bool chld_taken, terminal_ignored;
static bool had_terminal, hangup_ignored;

typedef enum { TERMINAL_NONE, TERMINAL_THERE, TERMINAL_UNKNOWN } terminal_state;

/* Whether the process has a controlling terminal, see tty(4). */
static terminal_state look_for_terminal(void)
{
    int fd = fk_descriptor_raise(open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
    if (fd >= 0) {
        (void)close(fd);
        return TERMINAL_THERE;
    }
    return errno == ENXIO || errno == EIO ? TERMINAL_NONE : TERMINAL_UNKNOWN;
}

/*
 * Whether SIGHUP says that the terminal is gone. The kernel sends it to the shell and to what runs in the foreground;
 * the shell, which leads the session, sends it on to all of its jobs.
 */
static bool is_hangup(const siginfo_t *info)
{
    return info->si_code == SI_KERNEL ||
           (had_terminal && info->si_pid == getsid(0) && look_for_terminal() == TERMINAL_NONE);
}

bool fk_signals_strayed(int number, pid_t owner)
{
    if (getpid() == owner) {
        return false;
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    return true;
}

static void on_stop(int number, siginfo_t *info, void *context)
{
    int reason = errno;
    forker_server *server = steered_by_signals;
    bool others = terminal_ignored && info->si_code == SI_KERNEL;
    (void)context;
    if (!fk_signals_strayed(number, steered) && server != NULL && server->tree.shared != NULL && !others) {
        bool again = server->tree.shared->stop_timeout_ms != FK_NO_STOP;
        fk_asker_begin(number, info);
        (void)forker_server_stop(server, number == SIGINT || again ? 0 : -1);
        fk_asker_end();
    }
    errno = reason;
}

static void act(forker_server *server, int number, const siginfo_t *info)
{
    switch (number) {
    case SIGHUP:
        if (!is_hangup(info)) {
            (void)forker_server_reload(server);
        } else if (!hangup_ignored && !terminal_ignored) {
            (void)forker_server_stop(server, -1);
        }
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
    if (!fk_signals_strayed(number, steered) && server != NULL && !from_terminal) {
        fk_asker_begin(number, info);
        act(server, number, info);
        fk_asker_end();
    }
    errno = reason;
}

static void install(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART | SA_SIGINFO;
    (void)sigemptyset(&action.sa_mask);
    fk_disposition_set(number, &action);
}

/* With SIGCHLD ignored the kernel would reap the workers, and their wait status would be lost. */
static void take_chld(void)
{
    struct sigaction program, action;
    (void)sigaction(SIGCHLD, NULL, &program);
    chld_taken = program.sa_handler == SIG_IGN || (program.sa_flags & SA_NOCLDWAIT) != 0;
    if (chld_taken) {
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_DFL;
        (void)sigemptyset(&action.sa_mask);
        fk_disposition_set(SIGCHLD, &action);
    }
}

/* With the process's lock: whether the signals are this server's now. */
static bool claim(forker_server *server)
{
    fk_process_lock();
    bool free = steered_by_signals == NULL;
    if (free) {
        steered_by_signals = server;
        steered = getpid();
    }
    fk_process_unlock();
    return free;
}

static bool is_wanted(const forker_server *server, int index)
{
    struct sigaction own = fk_disposition_of_program(taken[index]);
    return index < STOPS || (fk_server_option(server, FK_OPTION_WORKERS) != 0 &&
                             (own.sa_handler == SIG_DFL || own.sa_handler == SIG_IGN));
}

static void take(const forker_server *server, sigset_t *ours)
{
    for (int i = 0; i < TAKEN; i++) {
        is_taken[i] = is_wanted(server, i);
        if (is_taken[i]) {
            install(taken[i], i < STOPS ? on_stop : on_action);
            (void)sigdelset(ours, taken[i]);
        }
    }
}

bool fk_signals_take(forker_server *server, const sigset_t *mask, bool background)
{
    bool handles = fk_server_option(server, FK_OPTION_HANDLE_SIGNALS) != 0;
    sigset_t ours = *mask;
    if (handles && !claim(server)) {
        return false;
    }
    if (fk_server_option(server, FK_OPTION_WORKERS) != 0) {
        take_chld();
    }
    if (handles) {
        terminal_ignored = background;
        had_terminal = look_for_terminal() == TERMINAL_THERE;
        hangup_ignored = fk_disposition_of_program(SIGHUP).sa_handler == SIG_IGN; /* nohup(1) */
        program_mask = *mask;
        take(server, &ours);
    }
    (void)pthread_sigmask(SIG_SETMASK, &ours, NULL);
    return true;
}

void fk_signals_give_back(const forker_server *server)
{
    if (chld_taken && fk_server_option(server, FK_OPTION_WORKERS) != 0) {
        fk_disposition_give_back(SIGCHLD);
        chld_taken = false;
    }
    if (steered_by_signals != server) {
        return;
    }
    for (int i = 0; i < TAKEN; i++) {
        if (is_taken[i]) {
            fk_disposition_give_back(taken[i]);
            is_taken[i] = false;
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &program_mask, NULL);
    steered_by_signals = NULL;
}

void fk_signals_leave(void)
{
    for (int i = STOPS; i < TAKEN; i++) {
        if (is_taken[i]) {
            fk_disposition_ignore(taken[i]);
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
