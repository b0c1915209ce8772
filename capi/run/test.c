/*
 * Requests of the program's own to its server, for its tests. They go through a pair of sockets, one end of which the loop takes for a
 * connection: all that is behind an accepted one is as it always is, and nobody else can reach it. The thread that asks also polls.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/entry.h"
#include "run/answer.h"
#include "run/polled.h"

enum { PIECE = 16 * 1024, SETTLE_MS = 10 };
#define FOR_EVER UINT64_MAX
#define MS_NS UINT64_C(1000000)

/* A request that is under way. */
typedef struct {
    forker_server *server;
    int fd;           /* the client's end */
    const char *data; /* what is still to be sent */
    size_t left;
    uint64_t until_ns;
    forker_answer *answer;
    bool ended; /* the connection has, */
    bool over;  /* or the server */
} question;

/* What is wrong with a request; NULL: nothing that would keep an answer from coming. */
static const char *request_fault(const char *request, size_t len)
{
    if (request == NULL || len == 0) {
        return "there is no request";
    }
    if (len >= 4 && memcmp(request, "PRI ", 4) == 0) {
        return "requests are of HTTP/1";
    }
    return memmem(request, len, "\n\r\n", 3) == NULL && memmem(request, len, "\n\n", 2) == NULL
               ? "no empty line ends the head of the request"
               : NULL;
}

/* Whether the method is HEAD, whose answers have no body. An empty line may stand before it (RFC 9112 section 2.2). */
static bool is_head(const char *request, size_t len)
{
    size_t empty = len >= 2 && memcmp(request, "\r\n", 2) == 0 ? 2 : 0;
    return len - empty >= 5 && memcmp(request + empty, "HEAD ", 5) == 0;
}

/* Sends what the server takes now. It may have answered, and want no more. */
static void send_some(question *q)
{
    ssize_t sent = q->left > 0 ? send(q->fd, q->data, q->left, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        q->data += sent;
        q->left -= (size_t)sent;
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        q->left = 0;
    }
}

/* Takes in what has come. false: out of memory. */
static bool receive(question *q)
{
    char piece[PIECE];
    ssize_t got;
    do {
        got = recv(q->fd, piece, sizeof piece, MSG_DONTWAIT);
        q->ended = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
        if (!fk_answer_take(q->answer, piece, got > 0 ? (size_t)got : 0, q->ended)) {
            return false;
        }
    } while (got > 0);
    return true;
}

/* Waits for something to do. false: the time is over. */
static bool await(const question *q)
{
    struct pollfd polled[] = {{.fd = q->fd, .events = q->left > 0 ? POLLIN | POLLOUT : POLLIN},
                              {.fd = fk_entry_host_fd(q->server), .events = POLLIN}};
    uint64_t now = fk_clock();
    uint64_t left_ms = q->until_ns > now ? (q->until_ns - now + MS_NS - 1) / MS_NS : 0;
    (void)poll(polled, 2, q->until_ns == FOR_EVER ? -1 : left_ms < INT32_MAX ? (int)left_ms : INT32_MAX);
    return left_ms > 0;
}

/* Asks, until the answer is there or cannot come. Returns FORKER_OK, FORKER_E_MEMORY, or FORKER_E_AGAIN if it is late. */
static int converse(question *q)
{
    for (;;) {
        send_some(q);
        q->over = fk_poll_step(q->server, 0) <= 0;
        if (!receive(q)) {
            return FORKER_E_MEMORY;
        }
        if (q->answer->state >= FK_ANSWER_WHOLE || q->ended || q->over) {
            return FORKER_OK;
        }
        if (!await(q)) {
            return FORKER_E_AGAIN;
        }
    }
}

/* Polls until the server has seen that this client has left, so that all has been called that comes then. */
static void leave(question *q, uint64_t connections)
{
    enum { ROUNDS = 100 };
    fk_descriptor_close(&q->fd);
    for (int i = 0; i < ROUNDS && !q->over; i++) {
        q->over = fk_poll_step(q->server, i > 0 ? SETTLE_MS : 0) <= 0;
        if (!q->over && fk_server_slot(q->server, 0)->connections <= connections) { /* it has none when it is over */
            return;
        }
    }
}

/* The two ends; that of the server has got something, so that it is seen at once. */
static int connect_pair(question *q)
{
    int ends[2];
    if (!fk_descriptor_raise_pair(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0,
                                  ends)) {
        return fk_server_fail(q->server, FORKER_E_SYSTEM, "test: socketpair: %s", strerror(errno));
    }
    q->fd = ends[0];
    send_some(q);
    int code = fk_entry_host_adopt(q->server, ends[1]);
    return code == FORKER_OK
               ? code
               : fk_server_fail(q->server, code, "test: the engine cannot take a connection, see the log");
}

/* What has become of an answer, in words. */
static int conclude(const question *q, int code)
{
    static const char *const sentences[] = {[FK_ANSWER_HEAD] = "the server has ended the connection without an answer",
                                            [FK_ANSWER_BROKEN] = "the answer is not of HTTP/1",
                                            [FK_ANSWER_BODY] = "the server has ended the connection within the answer",
                                            [FK_ANSWER_CHUNK] = "the server has ended the connection within the answer",
                                            [FK_ANSWER_TRAILERS] =
                                                "the server has ended the connection within the answer",
                                            [FK_ANSWER_REST] = "the server has ended within the answer"};
    if (q->answer->state == FK_ANSWER_WHOLE) {
        return FORKER_OK;
    }
    if (code == FORKER_E_MEMORY) {
        return fk_server_fail(q->server, code, "test: out of memory");
    }
    if (code == FORKER_E_AGAIN) {
        return fk_server_fail(q->server, code, "test: there is no %sanswer in time",
                              q->answer->status != 0 ? "whole " : "");
    }
    return fk_server_fail(q->server, FORKER_E_ABORTED, "test: %s", sentences[q->answer->state]);
}

static int ask(question *q)
{
    uint64_t connections = fk_server_slot(q->server, 0)->connections;
    int code = connect_pair(q);
    if (code == FORKER_OK) {
        code = conclude(q, converse(q));
        leave(q, connections);
    }
    fk_descriptor_close(&q->fd);
    return code;
}

/* Opens the server, if that has not been done. */
static int make_ready(forker_server *server)
{
    return server->run.opened ? fk_poll_check(server, "test") : fk_poll_open(server, "test", true);
}

/* What is asked, and what comes of it. NOLINTNEXTLINE(readability-function-size) */
int forker_server_test(forker_server *server, const void *request, size_t len, int32_t timeout_ms,
                       forker_answer **answer_out)
{
    if (answer_out != NULL) {
        *answer_out = NULL;
    }
    if (server == NULL) {
        return FORKER_E_INVALID;
    }
    if (answer_out == NULL) {
        return fk_server_fail(server, FORKER_E_INVALID, "test: answer_out is NULL");
    }
    const char *fault = request_fault(request, len);
    int code = fault != NULL ? fk_server_fail(server, FORKER_E_INVALID, "test: %s", fault) : make_ready(server);
    if (code == FORKER_OK && server->run.lent) {
        code = fk_server_fail(server, FORKER_E_STATE, "test: a worker serves by a loop of the program's");
    }
    if (code != FORKER_OK) {
        return code;
    }
    question q = {.server = server, .fd = -1, .data = request, .left = len};
    q.until_ns = timeout_ms < 0 ? FOR_EVER : fk_clock() + (uint64_t)timeout_ms * MS_NS;
    q.answer = fk_answer_new(is_head(request, len));
    if (q.answer == NULL) {
        return fk_server_fail(server, FORKER_E_MEMORY, "test: out of memory");
    }
    code = ask(&q);
    if (q.answer->status != 0) {
        *answer_out = q.answer;
    } else {
        forker_answer_free(q.answer);
    }
    return code;
}
