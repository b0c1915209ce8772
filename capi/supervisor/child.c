/* Forking and reaping. */
#include "supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/fork.h"
#include "log/log.h"
#include "setup/hook.h"
#include "supervisor/birth.h"
#include "supervisor/channel.h"

#define SECOND_NS UINT64_C(1000000000)
#define BACKOFF_MOST_NS (FK_BACKOFF_MOST_MS * SECOND_NS / 1000)

uint64_t fk_child_backoff(uint32_t failed_boots)
{
    uint64_t delay = FK_BACKOFF_FIRST_MS * SECOND_NS / 1000;
    while (failed_boots-- > 1 && delay < BACKOFF_MOST_NS) {
        delay = delay * FK_BACKOFF_TENTHS / 10;
    }
    return delay < BACKOFF_MOST_NS ? delay : BACKOFF_MOST_NS;
}

uint64_t fk_child_next_fork(const fk_spawner *spawner)
{
    if (spawner->forks < FK_FORKS_PER_SECOND) {
        return 0;
    }
    return spawner->forks_ns[spawner->forks % FK_FORKS_PER_SECOND] + SECOND_NS;
}

/* pidfd_open(2), since Linux 5.3. Called by number: glibc has a wrapper only since 2.36. */
int fk_child_open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
    return fk_descriptor_raise((int)syscall(SYS_pidfd_open, pid, 0));
#else
    (void)pid;
    return -1;
#endif
}

/* Forks with all signals blocked, so that none is handled in the child by a handler meant for the parent. */
static pid_t fork_blocked(fk_spawner *spawner)
{
    const forker_server *server = spawner->server;
    sigset_t all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &spawner->mask);
    pid_t pid = fk_fork_own(server->hooks.fork_fn, server->hooks.fork_user);
    if (pid != 0) {
        int reason = errno;
        (void)pthread_sigmask(SIG_SETMASK, &spawner->mask, NULL);
        spawner->forks_ns[spawner->forks++ % FK_FORKS_PER_SECOND] = fk_clock();
        errno = reason != 0 ? reason : EAGAIN;
    }
    return pid;
}

bool fk_child_settle(fk_child *child, pid_t pid, int kept, int given)
{
    int reason = errno;
    (void)close(given);
    if (pid < 0) {
        (void)close(kept);
        errno = reason;
        return false;
    }
    child->pid = pid;
    child->pidfd = fk_child_open_pidfd(pid);
    child->channel = kept;
    child->born_ns = fk_clock();
    return true;
}

bool fk_child_fork_master(fk_spawner *spawner)
{
    int ends[2];
    if (!fk_channel_pair(ends)) {
        return false;
    }
    pid_t pid = fork_blocked(spawner);
    if (pid == 0) {
        (void)close(ends[0]);
        fk_birth_master(spawner, ends[1]);
    }
    if (!fk_child_settle(&spawner->master, pid, ends[0], ends[1])) {
        return false;
    }
    fk_watch_heard(spawner);
    spawner->server->tree.shared->master_pid = pid;
    spawner->server->tree.shared->master_starts++;
    return true;
}

pid_t fk_child_fork_inspector(fk_spawner *spawner, const int ends[2])
{
    pid_t pid = fork_blocked(spawner);
    if (pid == 0) {
        (void)close(ends[0]);
        fk_birth_inspector(spawner, ends[1]);
    }
    return pid;
}

/* What the worker before wrote is cleared. Other boxes were never touched, and take no memory. */
static void clear_boxes(const forker_server *server, uint32_t index)
{
    fk_slot *slot = fk_server_slot(server, index);
    uint32_t used = fk_load(&slot->pool_used);
    memset(fk_server_box(server, index, 0), 0, FK_BOX_SIZE * (size_t)(used < FK_BOXES ? used : FK_BOXES));
    memset(&slot->box, 0, sizeof slot->box);
    slot->pool_size = slot->pool_used = slot->crashed_box = 0;
}

/* Prepares a slot for its next worker. What belongs to the slot over all generations stays. */
static void clear_slot(const forker_server *server, uint32_t index, uint32_t generation)
{
    fk_slot *slot = fk_server_slot(server, index);
    slot->generation = generation;
    slot->pid = 0;
    slot->reached_ready = 0;
    slot->epoch = server->tree.shared->epoch;
    slot->born_ns = fk_clock();
    slot->ready_ns = 0;
    slot->heartbeat_ns = 0;
    slot->requests_before = fk_load_long(&slot->requests);
    slot->connections = slot->in_flight = 0;
    slot->dismissed = FK_EXIT_NONE;
    slot->asked = slot->asked_stop = 0;
    slot->asked_scale = 0;
    clear_boxes(server, index);
    memset(slot->last_words, 0, sizeof slot->last_words);
    __atomic_store_n(&slot->state, FK_SLOT_FORKED, __ATOMIC_RELEASE);
}

/* 0 is that of a slot in which nobody has lived. */
static uint32_t next_generation(uint32_t generation)
{
    return generation + 1 != 0 ? generation + 1 : 1;
}

bool fk_child_fork_worker(fk_spawner *spawner, uint32_t index)
{
    fk_slot *slot = fk_server_slot(spawner->server, index);
    int ends[2];
    if (!fk_hook_before_fork(spawner->server, index) || !fk_channel_pair(ends)) {
        return false;
    }
    fk_child *child = &spawner->workers[index];
    child->generation = next_generation(child->generation);
    clear_slot(spawner->server, index, child->generation);
    pid_t pid = fork_blocked(spawner);
    if (pid == 0) {
        (void)close(ends[0]);
        fk_birth_worker(spawner, index, ends[1]);
    }
    if (!fk_child_settle(child, pid, ends[0], ends[1])) {
        slot->state = FK_SLOT_EMPTY;
        return false;
    }
    slot->pid = pid;
    spawner->server->tree.shared->worker_starts++;
    if (index >= spawner->slots_used) {
        spawner->slots_used = index + 1;
    }
    return true;
}

bool fk_child_reap(fk_child *child, int *status_out)
{
    pid_t pid;
    if (child->pid == 0) {
        return false;
    }
    do {
        pid = waitpid(child->pid, status_out, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid == 0) {
        return false;
    }
    if (pid < 0) {
        *status_out = -1; /* ECHILD: the program waits for any child (wait(-1)) and got ours */
    }
    fk_descriptor_close(&child->pidfd);
    fk_descriptor_close(&child->channel);
    child->pid = 0;
    return true;
}
