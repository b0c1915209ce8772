/*
 * Crash reports of workers.
 *
 * Our handler stands in front of Go's. Faults inside a callback of the program, and fatal signals that somebody sent,
 * are reported here; the kernel called us directly, so backtrace(3) can walk through the signal frame into the code at
 * fault. Everything else goes to Go's handler: it turns faults of Go code into panics, and passes faults of other C
 * code (library threads of the program) on to the handler that it found at its start, which is ours again.
 *
 * After the report the program's own handler, installed before run, is called, and then the signal is raised with its
 * default action, so that wait status and core dump are the true ones.
 */
#include "child/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"
#include "base/inventory.h"
#include "base/process.h"
#include "log/log.h"
#include "log/logfile.h"

enum { FRAMES_MAX = 64, ALT_STACK_SIZE = 256 * 1024, FRAMES_SIZE = 32 * 1024 };

typedef struct {
    int number;
    const char *name;
    struct sigaction program; /* what was installed before run */
    struct sigaction go;      /* what Go installed over ours */
} fatal_signal;

static fatal_signal fatal_signals[] = {
    {.number = SIGSEGV, .name = "SIGSEGV"}, {.number = SIGBUS, .name = "SIGBUS"},
    {.number = SIGFPE, .name = "SIGFPE"},   {.number = SIGILL, .name = "SIGILL"},
    {.number = SIGABRT, .name = "SIGABRT"}, {.number = SIGTRAP, .name = "SIGTRAP"},
    {.number = SIGSYS, .name = "SIGSYS"},
};

enum { FATAL_SIGNALS = sizeof fatal_signals / sizeof *fatal_signals };

static fatal_signal *find_signal(int number)
{
    for (int i = 0; i < FATAL_SIGNALS; i++) {
        if (fatal_signals[i].number == number) {
            return &fatal_signals[i];
        }
    }
    return &fatal_signals[0];
}

static void line_request(fk_line *line, const fk_black_box *box)
{
    if (box == NULL || __atomic_load_n(&box->busy, __ATOMIC_ACQUIRE) == 0) {
        fk_line_text(line, fk_thread.in_program ? " in a hook or callback" : " outside of any handler");
        return;
    }
    fk_line_text(line, " in the handler of ");
    fk_line_request(line, box);
}

/* Where the signal has interrupted the program; NULL where we cannot tell. */
static void *interrupted_at(const void *context)
{
    const ucontext_t *interrupted = context;
#if defined(__x86_64__)
    return (void *)(uintptr_t)interrupted->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)(uintptr_t)interrupted->uc_mcontext.pc;
#else
    (void)interrupted;
    return NULL;
#endif
}

/*
 * What backtrace_symbols_fd(3) writes to: memory, because to the log it would wait where nobody reads. -1: there was no
 * descriptor left when the worker began, and reports are without frames.
 */
static int frames_fd = -1;

static void copy_frames(void)
{
    static char text[FRAMES_SIZE];
    ssize_t len = pread(frames_fd, text, sizeof text, 0);
    if (len > 0) {
        (void)fk_sink_write(fk_logfile_sink(fk_process.server, FK_LOGFILE_ERROR), text, (size_t)len);
    }
}

/*
 * Writes one line for each frame, from the interrupted one on. What stands behind it are return addresses: a byte less
 * is inside the call, which may be the last instruction of its function.
 */
static void write_backtrace(const void *context)
{
    void *frames[FRAMES_MAX], *interrupted = interrupted_at(context);
    int count = backtrace(frames, FRAMES_MAX), first = 0;
    while (first < count && frames[first] != interrupted) {
        first++;
    }
    first = first < count ? first : 0;
    for (int i = first + 1; i < count; i++) {
        frames[i] = (char *)frames[i] - 1;
    }
    if (frames_fd >= 0 && ftruncate(frames_fd, 0) == 0 && lseek(frames_fd, 0, SEEK_SET) == 0) {
        backtrace_symbols_fd(frames + first, count - first, frames_fd);
        copy_frames();
    }
}

/* What is told of the worker's death names the request of this thread. */
static void mark_box(void)
{
    if (fk_thread.pooled && fk_process.slot != NULL) {
        fk_process.slot->crashed_box = fk_thread.number + 1;
    }
}

static void report(const fatal_signal *fatal, const siginfo_t *info, const void *context)
{
    fk_line line;
    mark_box();
    fk_line_start(&line, FORKER_LOG_ERROR);
    fk_line_text(&line, "crashed: ");
    fk_line_text(&line, fatal->name);
    if (info->si_code > 0 && fatal->number != SIGABRT) {
        fk_line_text(&line, " at address ");
        fk_line_hex(&line, (uint64_t)(uintptr_t)info->si_addr);
    }
    line_request(&line, fk_thread.box);
    fk_line_text(&line, "; backtrace:");
    (void)fk_line_write(&line, fk_process.server); /* if it is lost, the exit is still told of */
    write_backtrace(context);
}

static void call_program(const fatal_signal *fatal, siginfo_t *info, void *context)
{
    const struct sigaction *action = &fatal->program;
    if ((action->sa_flags & SA_SIGINFO) != 0) {
        action->sa_sigaction(fatal->number, info, context);
    } else if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
        action->sa_handler(fatal->number);
    }
}

/*
 * Ends the process by the signal: the faulting instruction runs again when we return, a sent signal has to be sent
 * again.
 */
static void die(const fatal_signal *fatal, const siginfo_t *info)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_DFL;
    (void)sigaction(fatal->number, &action, NULL);
    if (info->si_code <= 0) {
        (void)syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), fatal->number);
    }
}

/* Go found the fault to be outside of Go code. */
static void on_forwarded(int number, siginfo_t *info, void *context)
{
    fatal_signal *fatal = find_signal(number);
    report(fatal, info, context);
    call_program(fatal, info, context);
    die(fatal, info);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    fatal_signal *fatal = find_signal(number);
    bool sent = info->si_code <= 0;
    if (fk_thread.in_program || sent || (fatal->go.sa_flags & SA_SIGINFO) == 0) {
        on_forwarded(number, info, context);
    } else {
        fatal->go.sa_sigaction(number, info, context);
    }
}

/* What was there before is written to `before`. */
static void install(fatal_signal *fatal, void (*handler)(int, siginfo_t *, void *), struct sigaction *before)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(fatal->number, NULL, before);
    fk_disposition_set(fatal->number, &action);
}

void fk_crash_watch(void)
{
    /*
     * A stack overflow is reported on a stack of its own. Go keeps an alternate stack that it finds
     * (runtime.minitSignalStack).
     */
    stack_t stack = {.ss_sp = malloc(ALT_STACK_SIZE), .ss_size = ALT_STACK_SIZE};
    stack_t before;
    if (stack.ss_sp != NULL && sigaltstack(NULL, &before) == 0 && (before.ss_flags & SS_DISABLE) != 0) {
        (void)sigaltstack(&stack, NULL);
    } else {
        free(stack.ss_sp);
    }
    for (int i = 0; i < FATAL_SIGNALS; i++) {
        install(&fatal_signals[i], on_forwarded, &fatal_signals[i].program);
    }
    struct rlimit limit;
    bool allowed = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur >= FRAMES_SIZE; /* else a write is SIGXFSZ */
    frames_fd = !allowed ? -1 : fk_inventory_add(fk_descriptor_raise(memfd_create("forker-frames", MFD_CLOEXEC)));
    void *frame;
    (void)backtrace(&frame, 1); /* loads the unwinder now, which allocates */
}

void fk_crash_watch_before_go(void)
{
    for (int i = 0; i < FATAL_SIGNALS; i++) {
        struct sigaction before;
        install(&fatal_signals[i], on_fault, &before);
        if (before.sa_sigaction != on_forwarded) {
            fatal_signals[i].go = before;
        }
    }
}
