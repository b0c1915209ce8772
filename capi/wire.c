/*
 * What a handler sends on the connection while it runs: interim answers, and everything once it has taken the
 * connection over. The loop is in the handler, or has given the connection to its thread, so that nobody else writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "exchange.h"
#include "response.h"

enum { SEND_MS = 5000 }; /* how long a client may take to make room */

/* Waits until the client makes room. A signal, such as the one that drains the worker, does not end that. */
static bool wait_for_room(int fd)
{
    struct pollfd client = {.fd = fd, .events = POLLOUT};
    int ready;
    do {
        ready = poll(&client, 1, SEND_MS);
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* Sends all, or breaks the connection: the client must not see a part. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes += sent;
            len -= (size_t)sent;
        } else if (errno != EINTR && (errno != EAGAIN || !wait_for_room(fd))) {
            (void)shutdown(fd, SHUT_RDWR);
            return false;
        }
    }
    return true;
}

/* Sends the answers to earlier requests, which come first. */
static bool send_earlier(forker_request *req)
{
    bool sent = send_all(req->fd, req->out, (size_t)req->out_len);
    req->out_len = 0;
    return sent;
}

/* FORKER_OK if the handler may write to the connection. */
static int check(const forker_request *req)
{
    if (req->fd < 0 || req->answer.state == FK_ANSWER_WHOLE || (req->answer.flags & FK_ANSWER_HIJACKED) != 0) {
        return FORKER_E_STATE;
    }
    return FORKER_OK;
}

int forker_respond_interim(forker_request *req, int status, const char *name, const char *value)
{
    char head[64];
    if (req == NULL || status < 102 || status > 199 || name == NULL || value == NULL) {
        return FORKER_E_INVALID;
    }
    int code = check(req);
    if (code != FORKER_OK) {
        return code;
    }
    fk_block line = {0};
    code = fk_response_line(&line, name, value);
    if (code == FORKER_OK && req->head.minor > 0) { /* RFC 9110 section 15.2: not to a client of HTTP/1.0 */
        int len = snprintf(head, sizeof head, "HTTP/1.1 %d %s\r\n", status, status == 103 ? "Early Hints" : "");
        bool sent = send_earlier(req) && send_all(req->fd, head, (size_t)len) &&
                    send_all(req->fd, line.data, (size_t)line.len) && send_all(req->fd, "\r\n", 2);
        code = sent ? FORKER_OK : FORKER_E_ABORTED;
    }
    fk_block_free(&line);
    return code;
}

int forker_request_hijack(forker_request *req, int *fd_out, const char **data_out, size_t *len_out)
{
    if (req == NULL || fd_out == NULL) {
        return FORKER_E_INVALID;
    }
    int code = check(req);
    if (code != FORKER_OK || req->deferred != NULL || req->on_body != NULL || req->inside == FK_INSIDE_ON_BODY ||
        req->answer.state != FK_ANSWER_NONE) {
        return FORKER_E_STATE;
    }
    int fd = fcntl(req->fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) {
        return FORKER_E_SYSTEM;
    }
    (void)send_earlier(req); /* if it fails, the new owner sees a broken connection */
    req->answer.state = FK_ANSWER_WHOLE;
    req->answer.flags |= FK_ANSWER_HIJACKED;
    req->fd = -1;
    if (req->rest_len > 0) {
        req->rest[0] = (char)req->rest_first;
    }
    *fd_out = fd;
    if (data_out != NULL) {
        *data_out = req->rest;
    }
    if (len_out != NULL) {
        *len_out = (size_t)req->rest_len;
    }
    return FORKER_OK;
}

int forker_request_cancelled(forker_request *req)
{
    char byte;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (__atomic_load_n(&req->cancelled, __ATOMIC_RELAXED) != 0) {
        return 1;
    }
    if (req->fd < 0) {
        return 0;
    }
    ssize_t got = recv(req->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}
