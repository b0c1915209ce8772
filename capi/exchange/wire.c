/*
 * What a handler has of its connection. Where the loop stands still in the handler, it is asked by a call into Go. Other
 * threads put interim responses into the loop's queue, bound to their request and not to a descriptor: what comes too
 * late is thrown away, and what waits for the client goes first.
 */
#include "exchange/wire.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/process.h"
#include "exchange/deferred.h"
#include "exchange/engine.h"
#include "exchange/field.h"
#include "exchange/response.h"

enum { QUEUED_MOST = 1 << 20 }; /* bytes of interim responses that wait for the loop */

/* -------------------------------------------------------------------------------------------------------- the queue */

static fk_interim *make_interim(const forker_request *req, int status, const fk_block *line)
{
    fk_interim *interim = malloc(sizeof *interim + (size_t)line->len);
    if (interim != NULL) {
        *interim = (fk_interim){.request = (uintptr_t)req, .serial = req->serial, .status = (uint32_t)status};
        interim->len = line->len;
        interim->field = (char *)(interim + 1);
        if (line->len > 0) {
            memcpy(interim->field, line->data, (size_t)line->len);
        }
    }
    return interim;
}

/* false: there is no room, because the loop does not come round. */
static bool put(fk_queue *queue, fk_interim *interim)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool wake = queue->first_interim == NULL;
    bool has_room = queue->interim_bytes + interim->len <= QUEUED_MOST;
    if (has_room) {
        *(wake ? &queue->first_interim : &queue->last_interim->next) = interim;
        queue->last_interim = interim;
        queue->interim_bytes += interim->len;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (wake && has_room) {
        ssize_t written = write(queue->fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written; /* it cannot fail: the counter is far from its end */
    }
    return has_room;
}

const fk_interim *fk_wire_take(forker_server *server)
{
    fk_queue *queue = &server->queue;
    free(queue->taken);
    (void)pthread_mutex_lock(&queue->lock);
    fk_interim *interim = queue->first_interim;
    if (interim != NULL) {
        queue->first_interim = interim->next;
        queue->interim_bytes -= interim->len;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    queue->taken = interim;
    return interim;
}

/* ---------------------------------------------------------------------------------------------------- interim responses */

static bool is_cancelled(const forker_request *req)
{
    return __atomic_load_n(&req->cancelled, __ATOMIC_RELAXED) != 0;
}

static bool is_answered(const forker_request *req)
{
    return req->response.state == FK_RESPONSE_WHOLE;
}

/* RFC 9110 section 15.2: a client of HTTP/1.0 must not get one. */
static bool takes_interims(const forker_request *req)
{
    return req->head.version > 10;
}

/* Hands an interim response over. Nobody else ends the request meanwhile. */
static int hand_over(forker_request *req, int status, const fk_block *line)
{
    if (is_cancelled(req)) {
        return FORKER_E_ABORTED;
    }
    if (!takes_interims(req)) {
        return FORKER_OK;
    }
    fk_interim *interim = make_interim(req, status, line);
    if (interim == NULL) {
        return FORKER_E_MEMORY;
    }
    __atomic_store_n(&req->interims, 1, __ATOMIC_RELAXED);
    if (!put(&req->server->queue, interim)) {
        free(interim);
        return FORKER_E_AGAIN;
    }
    return FORKER_OK;
}

/* The same for a request with a handle, which another thread may be using too. */
static int hand_over_deferred(forker_request *req, int status, const fk_block *line)
{
    fk_deferred *deferred = req->deferred;
    int code = FORKER_E_ABORTED;
    (void)pthread_mutex_lock(&deferred->lock);
    if (deferred->req == req && !deferred->closed) {
        bool open = deferred->state == FK_DEFERRED_OPEN && !is_answered(req);
        code = open ? hand_over(req, status, line) : FORKER_E_STATE;
    }
    (void)pthread_mutex_unlock(&deferred->lock);
    return code;
}

/* Whether this thread is in the handler or on_body of the request. Others cannot know when that returns. */
static bool is_inside(const forker_request *req)
{
    return (req->inside == FK_INSIDE_HANDLER || req->inside == FK_INSIDE_ON_BODY) && fk_thread.in_program &&
           fk_thread.box == req->box;
}

/* Whether that is so, and the loop stands still meanwhile: it can be asked. */
static bool holds_loop(const forker_request *req)
{
    return req->deferred == NULL && is_inside(req) && !fk_thread.pooled && !fk_process.go_lost;
}

static int send_interim(forker_request *req, int status, const fk_block *line)
{
    if (fk_process.go_lost) {
        return FORKER_E_PROCESS;
    }
    if (req->deferred != NULL) {
        return hand_over_deferred(req, status, line);
    }
    if (!is_inside(req) || is_answered(req)) {
        return FORKER_E_STATE;
    }
    if (fk_thread.pooled) {
        return hand_over(req, status, line);
    }
    return takes_interims(req) ? fk_engine_interim(req, status, line) : FORKER_OK;
}

/* Why send_interim() has returned a code, for the sentence. */
static const char *interim_fault(int code)
{
    switch (code) {
    case FORKER_E_PROCESS:
        return "the request is that of another process";
    case FORKER_E_STATE:
        return "the request is answered, or the call is not made in its handler";
    case FORKER_E_AGAIN:
        return "the client has not taken those before";
    case FORKER_E_ABORTED:
        return "the client has left";
    default:
        return forker_strerror(code);
    }
}

/* Fails if this is no interim response; else its field is in `line`. */
static int check_interim(forker_request *req, int status, const char *name, const char *value, fk_block *line)
{
    static const char verb[] = "respond_interim";
    fk_field_size size;
    if (status < 102 || status > 199) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: status %d is not within 102 to 199", verb, status);
    }
    if (name == NULL || value == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: the name or the value is NULL", verb);
    }
    const char *fault = fk_field_fault(name, value, &size);
    if (fault != NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s %s: %s", verb, name, fault);
    }
    int code = fk_field_append(line, name, value, size);
    return code == FORKER_OK ? code
                             : fk_fail(&req->failure, code, "%s %s: %s", verb, name, fk_field_append_fault(code));
}

int forker_respond_interim(forker_request *req, int status, const char *name, const char *value)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    fk_block line = {0};
    int code = check_interim(req, status, name, value, &line);
    if (code == FORKER_OK) {
        code = send_interim(req, status, &line);
        if (code != FORKER_OK) {
            (void)fk_fail(&req->failure, code, "respond_interim: %s", interim_fault(code));
        }
    }
    fk_block_free(&line);
    return code;
}

/* --------------------------------------------------------------------------------------------------- the connection */

static int check_hijack(forker_request *req, const int *fd_out)
{
    fk_failure *failure = &req->failure;
    if (fd_out == NULL) {
        return fk_fail(failure, FORKER_E_INVALID, "hijack: fd_out is NULL");
    }
    if (fk_process.go_lost) {
        return fk_fail(failure, FORKER_E_PROCESS, "hijack: the request is that of another process");
    }
    if (!holds_loop(req) || req->inside != FK_INSIDE_HANDLER) {
        return fk_fail(failure, FORKER_E_STATE, "hijack: only a handler on the main thread can, before it defers");
    }
    if (req->on_body != NULL || req->response.state != FK_RESPONSE_NONE) {
        return fk_fail(failure, FORKER_E_STATE, "hijack: a response has begun, or the body is asked for");
    }
    return FORKER_OK;
}

int forker_request_hijack(forker_request *req, int *fd_out, const char **data_out, size_t *len_out)
{
    int fd = -1;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    int code = check_hijack(req, fd_out);
    if (code != FORKER_OK) {
        return code;
    }
    code = fk_engine_hijack(req, &fd);
    if (code != FORKER_OK) {
        return fk_fail(&req->failure, code, "hijack: %s", forker_strerror(code));
    }
    req->response.state = FK_RESPONSE_WHOLE;
    req->response.flags |= FK_RESPONSE_HIJACKED;
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
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (!is_cancelled(req) && holds_loop(req)) {
        fk_engine_look(req);
    }
    return is_cancelled(req) ? 1 : 0;
}
