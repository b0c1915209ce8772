/*
 * Workers that live on a loop of the program's: workerloop <way> <address>. Ways: "polls" until the worker has drained,
 * "returns" at once, "fails" at once. It stands still when /block was asked for, and in the turn behind /later for that request.
 */
#include "ledger.h"

#include <poll.h>

static int blocked;

static int block(forker_request *req, void *user)
{
    (void)user;
    blocked = 1;
    return forker_respond(req, 200, "text/plain", "blocks\n", 7);
}

static forker_deferred deferred;

static int answer_later(forker_request *req, void *user)
{
    (void)user;
    int code = forker_request_defer(req, &deferred);
    if (code == FORKER_OK && forker_deferred_enter(deferred) != FORKER_E_STATE) {
        tell("entered within a handler\n");
    }
    return code == FORKER_OK ? FORKER_DEFERRED : code;
}

/* The request's turn: a first one, which ends, and a second one, which does not. */
static void work_for_deferred(void)
{
    if (forker_deferred_enter(deferred) != FORKER_OK || forker_deferred_enter(deferred) != FORKER_E_STATE ||
        forker_deferred_leave() != FORKER_OK || forker_deferred_leave() != FORKER_E_STATE ||
        forker_deferred_enter(deferred) != FORKER_OK) {
        tell("wrong code\n");
        return;
    }
    for (;;) {
        pause();
    }
}

static int greet(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, "text/plain", "hello\n", 6);
}

static int loop(forker_server *server, int32_t worker, void *user)
{
    const char *way = user;
    struct pollfd polled = {.fd = forker_server_poll_fd(server), .events = POLLIN};
    int code = 1;
    (void)worker;
    tell("loop begins\n");
    if (strcmp(way, "polls") != 0) {
        return strcmp(way, "fails") == 0 ? -7 : 0;
    }
    while (code == 1 && (poll(&polled, 1, -1) >= 0 || errno == EINTR)) {
        tell("turn\n");
        code = forker_server_poll(server, 0);
        if (deferred != 0) {
            work_for_deferred();
        }
        while (blocked) {
            pause();
        }
    }
    tell(code == FORKER_OK && forker_server_poll(server, 0) == FORKER_E_STATE ? "loop ends\n" : "loop fails\n");
    return FORKER_OK;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    (void)argc;
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_on_worker_loop(server, loop, argv[1]);
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_handle(server, "GET", "/block", block, NULL);
    forker_server_handle(server, "GET", "/later", answer_later, NULL);
    forker_server_handle(server, "GET", "/ledger", response_ledger, NULL);
    forker_server_listen(server, argv[2]);
    tell_addresses(server);
    return run_and_tell(server);
}
