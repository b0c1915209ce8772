/*
 * The process's role, and the late start of the Go runtime.
 *
 * A c-shared library starts Go from an entry of .init_array. link/late_start.ld puts that entry between the two symbols
 * below instead, so that loading the library starts nothing, and it is called here, in a process that will not fork
 * again.
 */
#include "base/process.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/disposition.h"
#include "base/entry.h"
#include "base/space.h"

typedef void (*init_function)(int argc, char **argv, char **envp);

/* Weak: a build without the linker script (go vet, go test) links too, and is told apart at run time. */
extern init_function fk_go_init_start[] __attribute__((weak, visibility("hidden")));
extern init_function fk_go_init_end[] __attribute__((weak, visibility("hidden")));

fk_process_state fk_process = {.role = FK_ROLE_HOST};
/* With the model of its declaration again: gcc would call __tls_get_addr() in this file, which libc does not have. */
__thread fk_thread_state fk_thread __attribute__((tls_model("initial-exec")));

enum { AUXV_TYPES = 6 };

static int saved_argc;
static char **saved_argv;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * glibc hands constructors of shared objects main's arguments (elf/dl-init.c); others pass nothing that is
 * NULL-terminated.
 */
__attribute__((constructor)) static void save_arguments(int argc, char **argv, char **envp)
{
    (void)envp;
    if (argc > 0 && argv != NULL && argv[argc] == NULL) {
        saved_argc = argc;
        saved_argv = argv;
    }
}

void fk_process_forked(void)
{
    (void)pthread_mutex_init(&lock, NULL);
    if (fk_process.go_running) {
        fk_process.go_running = false;
        fk_process.go_lost = true;
    }
    if (!fk_thread.forks) {
        fk_process.role = FK_ROLE_HOST;
        fk_process.server = NULL;
        fk_process.slot = NULL;
    }
}

void fk_process_lock(void)
{
    (void)pthread_mutex_lock(&lock);
}

void fk_process_unlock(void)
{
    (void)pthread_mutex_unlock(&lock);
}

/*
 * Appends what the runtime wants of the auxiliary vector. Without it the runtime would read /proc/self/auxv, which is
 * not there under chroot(2); and without AT_SYSINFO_EHDR it would have no vDSO and pay a system call for each look at
 * the clock.
 */
static void append_auxv(unsigned long *auxv)
{
    static const unsigned long types[AUXV_TYPES] = {AT_PAGESZ, AT_RANDOM,       AT_HWCAP,
                                                    AT_HWCAP2, AT_SYSINFO_EHDR, AT_SECURE};
    for (size_t i = 0; i < AUXV_TYPES; i++) {
        unsigned long value = getauxval(types[i]);
        if (value != 0) {
            *auxv++ = types[i];
            *auxv++ = value;
        }
    }
}

/*
 * How many entries of the environment Go gets to see: none where the process has more rights than who started it, as
 * secure_getenv(3) does it for C. GODEBUG, GOGC, GOMEMLIMIT and the like would let the caller steer the runtime.
 */
static size_t count_environment(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    return getauxval(AT_SECURE) != 0 ? 0 : count;
}

/*
 * The runtime would interrupt threads by SIGURG to take the processor from goroutines that run for long, and it may hit
 * handlers of the program: poll(2) and nanosleep(2) would return EINTR there. No goroutine of ours runs for long without
 * a call, at which the runtime has its way too. What the program's user has set comes behind, and wins.
 */
static char *make_debug_variable(const char *set)
{
    static const char ours[] = "GODEBUG=asyncpreemptoff=1";
    size_t size = sizeof ours + 1 + (set != NULL ? strlen(set) : 0);
    char *variable = malloc(size);
    if (variable != NULL) {
        (void)snprintf(variable, size, "%s%s%s", ours, set != NULL ? "," : "", set != NULL ? set : "");
    }
    return variable;
}

/* Copies the environment for Go, of so many entries, with the variable in place of those of its name. Returns its end. */
static char **copy_environment(char **to, size_t count, char *variable)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(environ[i], "GODEBUG=", strlen("GODEBUG=")) != 0) {
            *to++ = environ[i];
        }
    }
    *to++ = variable;
    *to++ = NULL;
    return to;
}

/*
 * Lays out argv, the present environment and the auxiliary vector as the kernel does at process start, which is where
 * the runtime looks for them (runtime.sysargs). Never freed: Go keeps pointers.
 */
static char **process_block(void)
{
    static char *no_arguments[] = {(char *)"libforker", NULL};
    char **argv = saved_argc > 0 ? saved_argv : no_arguments;
    size_t argc = saved_argc > 0 ? (size_t)saved_argc : 1;
    size_t envc = count_environment();
    const char *set = envc > 0 ? getenv("GODEBUG") : NULL;
    size_t words = argc + 1 + envc + 2; /* with the variable, and each list with its NULL */
    char **block = calloc(words + 2 * (AUXV_TYPES + 1), sizeof *block);
    char *variable = make_debug_variable(set);
    if (block == NULL || variable == NULL) {
        free(block);
        free(variable);
        return NULL;
    }
    memcpy(block, argv, argc * sizeof *block);
    append_auxv((unsigned long *)(void *)copy_environment(block + argc + 1, envc, variable));
    return block;
}

/* With the lock. */
static int start_go(void)
{
    if (fk_process.go_lost || fk_go_init_start == NULL) {
        return FORKER_E_PROCESS;
    }
    if (fk_process.role == FK_ROLE_SPAWNER) {
        return FORKER_E_STATE;
    }
    if (fk_process.go_running) {
        return FORKER_OK;
    }
    char **block = process_block();
    if (block == NULL) {
        return FORKER_E_MEMORY;
    }
    int argc = saved_argc > 0 ? saved_argc : 1;
    fk_space_spare();
    fk_descriptor_hold held = fk_descriptor_hold_low();
    fk_disposition_before_go();
    for (init_function *start = fk_go_init_start; start < fk_go_init_end; start++) {
        (*start)(argc, block, block + argc + 1);
    }
    fk_entry_wait();
    fk_disposition_after_go();
    fk_descriptor_release_low(held);
    fk_process.go_running = true;
    return FORKER_OK;
}

int fk_process_start_go(void)
{
    fk_process_lock();
    int code = start_go();
    fk_process_unlock();
    return code;
}

bool fk_process_draining(const forker_server *server)
{
    const fk_shared *shared = server->tree.shared;
    if (shared == NULL) {
        return false;
    }
    const fk_slot *slot = fk_server_slot(server, (uint32_t)fk_process.worker);
    return fk_process.draining || __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) == FK_SLOT_DRAINING ||
           fk_load(&slot->dismissed) != FK_EXIT_NONE || fk_load(&slot->asked_stop) != 0 ||
           __atomic_load_n(&shared->stop_timeout_ms, __ATOMIC_ACQUIRE) != FK_NO_STOP;
}

const char *fk_process_name(void)
{
    switch (fk_process.role) {
    case FK_ROLE_SPAWNER:
        return "spawner";
    case FK_ROLE_MASTER:
        return "master";
    case FK_ROLE_WORKER:
        return "worker";
    default:
        return "host";
    }
}
