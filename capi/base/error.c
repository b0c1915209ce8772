/* Result codes in words. */
#include "base/server.h"

#define RESULTS(X)                                                                                                     \
    X(FORKER_OK, "done")                                                                                               \
    X(FORKER_NEXT, "not mine, ask the next route")                                                                     \
    X(FORKER_DEFERRED, "answered later")                                                                               \
    X(FORKER_E_INVALID, "an argument is NULL, out of range or malformed")                                              \
    X(FORKER_E_MEMORY, "out of memory")                                                                                \
    X(FORKER_E_STATE, "not allowed in this state")                                                                     \
    X(FORKER_E_PROCESS, "not possible in this process")                                                                \
    X(FORKER_E_OPTION, "no such option, or not a value for it")                                                        \
    X(FORKER_E_ADDRESS, "cannot listen on this address")                                                               \
    X(FORKER_E_ROUTE, "malformed or conflicting route")                                                                \
    X(FORKER_E_SYSTEM, "the operating system refused")                                                                 \
    X(FORKER_E_BOOT, "no worker became ready")                                                                         \
    X(FORKER_E_SETUP, "an earlier setup call failed")                                                                  \
    X(FORKER_E_THREADS, "the process has several threads")                                                             \
    X(FORKER_E_LIMIT, "more than the library can hold")                                                                \
    X(FORKER_E_AGAIN, "not now, try again later")                                                                      \
    X(FORKER_E_ABORTED, "the client has left, or the request is over")                                                 \
    X(FORKER_E_RESTARTS, "workers died too often")                                                                     \
    X(FORKER_E_PRIVILEGE, "a worker that has given up root may not ask for this, see option worker_commands")          \
    X(FORKER_E_CERTIFICATE, "a certificate or key that cannot be used")                                                \
    X(FORKER_E_INTERNAL, "internal error")

const char *forker_strerror(int code)
{
    switch (code) {
#define CASE(number, text)                                                                                             \
    case number:                                                                                                       \
        return text;
        RESULTS(CASE)
#undef CASE
    default:
        return "unknown error code";
    }
}

const char *forker_version(void)
{
    return FORKER_VERSION;
}
