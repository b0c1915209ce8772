/*
 * Who has asked for it: a signal and its sender, a worker (-1 - its index) and its pid, or 0 and the process that has
 * made the call.
 */
#include "supervisor/asker.h"

#include <stdio.h>
#include <unistd.h>

#include "base/process.h"
#include "base/signame.h"
#include "log/log.h"

/* The pids of askers that have none: a signal's sender is the kernel, for the terminal, or in another pid namespace. */
enum { FROM_TERMINAL = -1, FROM_ELSEWHERE = 0 };

static const char *const calls[FK_ASKS] = {
    [FK_ASK_STOP] = "stop",   [FK_ASK_RELOAD] = "reload", [FK_ASK_SCALE] = "scale",
    [FK_ASK_DRAIN] = "drain", [FK_ASK_REOPEN] = "reopen", [FK_ASK_UPGRADE] = "upgrade",
};

static uint64_t pack(int number, int32_t pid)
{
    return (uint64_t)(uint32_t)number << 32 | (uint32_t)pid;
}

void fk_asker_begin(int number, const siginfo_t *info)
{
    fk_thread.asker = pack(number, info->si_code == SI_KERNEL ? FROM_TERMINAL : info->si_pid);
}

void fk_asker_begin_worker(uint32_t index, int32_t pid)
{
    fk_thread.asker = pack(-1 - (int)index, pid);
}

void fk_asker_end(void)
{
    fk_thread.asker = 0;
}

void fk_asker_note(forker_server *server, int what)
{
    fk_orders *orders = server->tree.orders;
    uint64_t asker = fk_thread.asker != 0 ? fk_thread.asker : pack(0, getpid());
    if (orders != NULL) {
        __atomic_store_n(&orders->askers[what], asker, __ATOMIC_RELEASE);
    } else if (what == FK_ASK_STOP) {
        __atomic_store_n(&server->run.early_asker, asker, __ATOMIC_RELEASE);
    }
}

static void describe_sender(int number, int32_t pid, char text[FK_ASKER_TEXT])
{
    const char *name = fk_signame(number);
    if (pid > 0) {
        (void)snprintf(text, FK_ASKER_TEXT, "%s from process %d", name, (int)pid);
    } else {
        (void)snprintf(text, FK_ASKER_TEXT, "%s from %s", name,
                       pid == FROM_TERMINAL ? "the terminal" : "outside of the pid namespace");
    }
}

static void describe_caller(int what, int32_t pid, char text[FK_ASKER_TEXT])
{
    if (pid == getpid()) {
        (void)snprintf(text, FK_ASKER_TEXT, "forker_server_%s()", calls[what]);
    } else {
        (void)snprintf(text, FK_ASKER_TEXT, "forker_server_%s() in process %d", calls[what], (int)pid);
    }
}

void fk_asker_describe(forker_server *server, int what, char text[FK_ASKER_TEXT])
{
    uint64_t asker = __atomic_exchange_n(&server->tree.orders->askers[what], 0, __ATOMIC_ACQ_REL);
    int32_t number = (int32_t)(uint32_t)(asker >> 32), pid = (int32_t)(uint32_t)asker;
    text[0] = '\0';
    if (number > 0) {
        describe_sender(number, pid, text);
    } else if (number < 0) {
        (void)snprintf(text, FK_ASKER_TEXT, "forker_server_%s() in worker %d (pid %d)", calls[what], -number - 1,
                       (int)pid);
    } else if (pid != 0) {
        describe_caller(what, pid, text);
    }
}

void fk_asker_tell_stop(forker_server *server, int32_t timeout_ms)
{
    char text[FK_ASKER_TEXT], time[32] = "at once";
    fk_asker_describe(server, FK_ASK_STOP, text);
    if (timeout_ms > 0) {
        (void)snprintf(time, sizeof time, timeout_ms % 1000 == 0 ? "within %d s" : "within %d ms",
                       (int)(timeout_ms % 1000 == 0 ? timeout_ms / 1000 : timeout_ms));
    }
    fk_log(server, FORKER_LOG_INFO, text[0] != '\0' ? "stopping %s: %s" : "stopping %s", time, text);
}
