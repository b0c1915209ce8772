/* Running and stopping a server: the checks before, the shared memory, the way back. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "_cgo_export.h"
#include "admin.h"
#include "dispatch.h"
#include "heritage.h"
#include "limit.h"
#include "listener.h"
#include "log.h"
#include "logfile.h"
#include "pidfile.h"
#include "privilege.h"
#include "process.h"
#include "signals.h"
#include "spawner.h"

enum { THREADS_IGNORE = 0, THREADS_WARN = 1, THREADS_REFUSE = 2 };

/* How many threads the process has; 0 if /proc cannot tell. */
static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) {
        return 0;
    }
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        count += task->d_name[0] != '.';
    }
    (void)closedir(tasks);
    return count;
}

static int check_threads(forker_server *server)
{
    int64_t wanted = fk_server_option(server, FK_OPTION_THREADS);
    int threads = wanted == THREADS_IGNORE ? 0 : count_threads();
    if (threads <= 1) {
        return FORKER_OK;
    }
    if (wanted == THREADS_REFUSE) {
        return fk_server_fail(
            server, FORKER_E_THREADS,
            "run: the process has %d threads, and fork carries over only one; call run before they are started",
            threads);
    }
    fk_log(server, FORKER_LOG_WARN,
           "the process has %d threads; only the one that called run exists in the workers, and a lock that another "
           "one holds "
           "now stays locked there",
           threads);
    return FORKER_OK;
}

/* The options of what only a forked process can have must be as they are by default. */
static int check_forkless(forker_server *server)
{
    static const int forked[] = {FK_OPTION_USER,
                                 FK_OPTION_GROUP,
                                 FK_OPTION_CHROOT,
                                 FK_OPTION_RLIMIT_NOFILE,
                                 FK_OPTION_RLIMIT_CORE,
                                 FK_OPTION_OOM_SCORE_ADJ,
                                 FK_OPTION_CPU_AFFINITY,
                                 FK_OPTION_HANG_TIMEOUT,
                                 FK_OPTION_MAX_REQUESTS,
                                 FK_OPTION_MAX_AGE,
                                 FK_OPTION_WORKER_MEMORY_SOFT,
                                 FK_OPTION_WORKER_MEMORY_HARD,
                                 FK_OPTION_RESTART_LIMIT};
    for (size_t i = 0; i < sizeof forked / sizeof *forked; i++) {
        const forker_option *option = forker_option_at((size_t)forked[i]);
        const char *name = forker_option_name(option);
        if (strcmp(forker_server_get(server, name), forker_option_default(option)) != 0) {
            return fk_server_fail(server, FORKER_E_OPTION, "run: option %s needs worker processes, and workers is 0",
                                  name);
        }
    }
    return FORKER_OK;
}

static int check(forker_server *server)
{
    bool forks = fk_server_option(server, FK_OPTION_WORKERS) != 0;
    if (server->maker != getpid() || fk_process.go_lost || fk_process.role != FK_ROLE_HOST) {
        if (server->state == FK_SERVER_RUNNING && server->maker == getpid()) {
            return fk_server_fail(server, FORKER_E_STATE, "run: already running");
        }
        return fk_server_fail(server, FORKER_E_PROCESS, "run: only the process that made the server can run it");
    }
    if (server->state == FK_SERVER_RUNNING || fk_process.server != NULL) {
        return fk_server_fail(server, FORKER_E_STATE, "run: already running");
    }
    if (forks && fk_process.go_running) {
        return fk_server_fail(
            server, FORKER_E_PROCESS,
            "run: the Go runtime runs in this process (workers=0 was used), so it can fork no workers");
    }
    if (server->setup_code != FORKER_OK) {
        return fk_server_fail(server, FORKER_E_SETUP, "run: a setup call failed before: %s", server->setup_error);
    }
    if (server->route_count == 0 || server->listener_count == 0) {
        return fk_server_fail(server, FORKER_E_STATE, "run: %s",
                              server->route_count == 0 ? "no route; call forker_server_handle first"
                                                       : "no listening socket; call forker_server_listen first");
    }
    return forks ? check_threads(server) : check_forkless(server);
}

static int map_shared(forker_server *server)
{
    uint32_t slots = fk_server_option(server, FK_OPTION_WORKERS) != 0 ? FK_SLOTS_MAX : 1;
    size_t size = (size_t)FK_SLOT_SIZE * (slots + 1) + (size_t)FK_BOXES * FK_BOX_SIZE * slots;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return fk_server_fail(server, FORKER_E_MEMORY, "run: mmap: %s", strerror(errno));
    }
    server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server->wake_fd < 0) {
        int code = fk_server_fail(server, FORKER_E_SYSTEM, "run: eventfd: %s", strerror(errno));
        (void)munmap(memory, size);
        return code;
    }
    fk_shared *shared = memory;
    *shared = (fk_shared){.magic = FK_SHARED_MAGIC,
                          .slots = slots,
                          .spawner_pid = getpid(),
                          .stop_timeout_ms = INT32_MAX,
                          .started_ns = fk_clock()};
    if (server->figures != NULL) {
        (void)munmap(server->figures, server->shared_size);
    }
    server->shared_size = size;
    server->figures = server->shared = shared;
    return FORKER_OK;
}

/* The memory stays for whoever wants to see the figures of this run. */
static void end_shared(forker_server *server)
{
    int wake_fd = server->wake_fd;
    if (server->shared == NULL) {
        return;
    }
    server->shared->phase = FK_PHASE_STOPPING;
    server->shared->master_pid = 0;
    server->shared = NULL;
    server->wake_fd = -1;
    (void)close(wake_fd);
}

/* With workers=0 this process is what is in slot 0. */
static void enter_slot(forker_server *server)
{
    fk_process.slot = fk_server_slot(server, 0);
    fk_process.worker = 0;
    fk_process.slot->pid = getpid();
    fk_process.slot->generation = 1;
    fk_process.slot->born_ns = fk_clock();
    fk_process.slot->state = FK_SLOT_BOOTING;
    server->shared->wanted = 1;
    server->shared->worker_starts = 1;
}

static void leave_slot(void)
{
    fk_process.slot->state = FK_SLOT_EMPTY;
    fk_process.slot->connections = fk_process.slot->in_flight = 0;
    fk_process.slot->pid = 0;
    fk_process.slot = NULL;
    fk_process.worker = -1;
}

/* workers=0: the calling thread serves. */
static int run_here(forker_server *server)
{
    int code = fk_process_start_go();
    if (code != FORKER_OK) {
        return fk_server_fail(server, code, "run: the Go runtime cannot be started in this process");
    }
    code = fk_dispatch_hook(server, &server->worker_init);
    if (code < 0) {
        return fk_server_fail(server, FORKER_E_BOOT, "run: the worker_init hook failed (%d)", code);
    }
    fk_signals_use_altstack();
    server->shared->phase = FK_PHASE_SERVING;
    code = goWorkerRun(server, -1, -1, server->wake_fd);
    (void)fk_dispatch_hook(server, &server->worker_exit);
    return code;
}

/* What can be refused before anything is started. Returns FORKER_OK or what run returns; clean_up() takes both back. */
static int prepare(forker_server *server)
{
    static int (*const steps[])(forker_server *) = {fk_heritage_drop, fk_listeners_reopen, fk_privilege_prepare,
                                                    fk_limit_check,   fk_logfile_open,     fk_admin_open,
                                                    map_shared,       fk_pidfile_claim};
    int code = FORKER_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && code == FORKER_OK; i++) {
        code = steps[i](server);
    }
    return code;
}

static void clean_up(forker_server *server)
{
    fk_pidfile_remove(server);
    fk_privilege_release(server);
    fk_admin_close(server);
    fk_logfile_close(server);
    end_shared(server);
}

static int run_checked(forker_server *server)
{
    int code = prepare(server);
    if (code != FORKER_OK) {
        clean_up(server);
        return code;
    }
    bool forks = fk_server_option(server, FK_OPTION_WORKERS) != 0;
    (void)fflush(NULL); /* what is in stdio's buffers now must not be written by every child */
    fk_process.server = server;
    fk_process.role = forks ? FK_ROLE_SPAWNER : FK_ROLE_HOST;
    fk_signals_take(server);
    server->state = FK_SERVER_RUNNING;
    if (forks) {
        code = fk_spawner_run(server);
    } else {
        enter_slot(server);
        code = run_here(server);
        leave_slot();
    }
    fk_signals_give_back();
    fk_listeners_close(server);
    clean_up(server);
    fk_process.role = FK_ROLE_HOST;
    fk_process.server = NULL;
    server->state = FK_SERVER_SETUP;
    return code;
}

int forker_server_run(forker_server *server)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    int code = check(server);
    if (code == FORKER_OK) {
        code = run_checked(server);
    }
    if (code != FORKER_OK) {
        fk_log(server, FORKER_LOG_ERROR, "%s", server->error);
    }
    return code;
}

void fk_server_wake(const forker_server *server)
{
    uint64_t one = 1;
    ssize_t written = write(server->wake_fd, &one, sizeof one);
    (void)written;
}

int forker_server_stop(forker_server *server, int32_t timeout_ms)
{
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    fk_shared *shared = server->shared;
    if (shared == NULL) {
        return FORKER_OK;
    }
    int64_t wanted = timeout_ms >= 0 ? timeout_ms : fk_server_option(server, FK_OPTION_DRAIN_TIMEOUT) / 1000000;
    int32_t before = __atomic_load_n(&shared->stop_timeout_ms, __ATOMIC_ACQUIRE);
    while (wanted < before && !__atomic_compare_exchange_n(&shared->stop_timeout_ms, &before, (int32_t)wanted, false,
                                                           __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    fk_server_wake(server);
    return FORKER_OK;
}
