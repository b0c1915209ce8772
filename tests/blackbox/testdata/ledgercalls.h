/*
 * The gRPC service that the ledger (tests/blackbox/ledger) calls, if FORKER_TEST_CALLS names a file: ledger.Ledger, whose method Ask
 * replies to one message, and Talk to each of many, with what response_ledger() says. The id of each call that begins is appended
 * to the file, by all processes.
 */
#ifndef LEDGERCALLS_H
#define LEDGERCALLS_H

#include "ledger.h"

#include <fcntl.h>
#include <stdint.h>

static int calls_fd = -1;

/* Notes that a call begins. Its id ends at a dot, or where the message does. */
static inline void note_call(const char *message, size_t len)
{
    char line[128];
    const char *dot = memchr(message, '.', len);
    int size = snprintf(line, sizeof line, "%.*s\n", (int)(dot != NULL ? dot - message : (ptrdiff_t)len), message);
    if (write(calls_fd, line, (size_t)size) != size) {
        _exit(4);
    }
}

static inline size_t write_entry(forker_request *req, const char *message, size_t len, char *text, size_t size)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (size_t)snprintf(text, size, "%d %ld %lld %.*s", (int)forker_request_worker(req), (long)getpid(),
                            (long long)now.tv_sec * 1000000000 + now.tv_nsec, (int)len, message);
}

static inline int ask(forker_request *req, void *user)
{
    char text[256];
    size_t len;
    const char *message = forker_grpc_message(req, &len);
    (void)user;
    note_call(message, len);
    return forker_grpc_reply(req, text, write_entry(req, message, len, text, sizeof text));
}

static inline int talk_on(forker_request *req, const void *data, size_t len, int last, void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    char text[256];
    if (last > 0) {
        (void)forker_grpc_finish(handle, 0, NULL);
    } else if (last == 0) {
        if (len > 2 && memcmp((const char *)data + len - 2, ".0", 2) == 0) {
            note_call(data, len);
        }
        (void)forker_grpc_send(handle, text, write_entry(req, data, len, text, sizeof text));
    }
    return FORKER_OK;
}

static inline void end_talk(forker_deferred handle, int reason, void *user)
{
    (void)user;
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
}

static inline int talk(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, end_talk, NULL) != FORKER_OK ||
        forker_grpc_on_message(req, talk_on, (void *)(uintptr_t)handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

static inline void add_ledger_calls(forker_server *server)
{
    const char *path = getenv("FORKER_TEST_CALLS");
    if (path == NULL) {
        return;
    }
    calls_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    forker_server_grpc(server, "/ledger.Ledger/Ask", FORKER_GRPC_UNARY, ask, NULL);
    forker_server_grpc(server, "/ledger.Ledger/Talk", FORKER_GRPC_BIDI, talk, NULL);
}

#endif
