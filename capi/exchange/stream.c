/* Responses that are written piece by piece, through the handle of a deferred request. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/process.h"
#include "exchange/block.h"
#include "exchange/deferred.h"
#include "exchange/field.h"
#include "exchange/onhead.h"
#include "exchange/response.h"
#include "exchange/stream.h"

enum { STATUS_OK = 200 };

/* Locks the entry of a stream that can still be written. NULL: *code_out says why not. */
static fk_deferred *lock_stream(forker_deferred handle, const char *verb, int *code_out)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        *code_out = fk_deferred_over();
    } else if (deferred->state != FK_DEFERRED_STREAM) {
        *code_out =
            fk_deferred_unlock(deferred, fk_fail(&deferred->failure, FORKER_E_STATE, "%s: no stream has begun", verb));
        deferred = NULL;
    }
    return deferred;
}

/* Locks the entry of a request that a stream can answer. NULL: *code_out says why not. */
static fk_deferred *lock_unanswered(forker_deferred handle, const char *verb, int *code_out)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    *code_out = fk_deferred_over();
    if (deferred == NULL) {
        return NULL;
    }
    *code_out = deferred->state == FK_DEFERRED_OPEN
                    ? fk_response_unwritten(deferred->req, &deferred->failure, verb)
                    : fk_fail(&deferred->failure, FORKER_E_STATE, "%s: a stream has begun already", verb);
    if (*code_out != FORKER_OK) {
        (void)fk_deferred_unlock(deferred, *code_out);
        return NULL;
    }
    return deferred;
}

int fk_stream_open(fk_deferred *deferred, const char *verb, int64_t length)
{
    fk_response *response = &deferred->req->response;
    if ((response->flags & FK_RESPONSE_LENGTH) != 0 && response->length != length) {
        return fk_fail(&deferred->failure, FORKER_E_INVALID, "%s: length is %" PRId64 ", but was set to %" PRId64, verb,
                       length, response->length);
    }
    deferred->state = FK_DEFERRED_STREAM;
    if (deferred->closed) {
        return fk_fail(&deferred->failure, FORKER_E_ABORTED, "%s: the client has left", verb);
    }
    response->state = FK_RESPONSE_WHOLE;
    response->flags |= FK_RESPONSE_STREAM;
    response->length = length;
    deferred->promised = length;
    return FORKER_OK;
}

/* Begins the stream of a locked entry, which is unlocked. */
static int begin(fk_deferred *deferred, const char *verb, int64_t length)
{
    int code = fk_stream_open(deferred, verb, length);
    if (code != FORKER_OK) {
        return fk_deferred_unlock(deferred, code);
    }
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

/* Has the functions that want to see the head see it, without the lock: they may use the handle. NULL as lock_unanswered(). */
static fk_deferred *show_head(fk_deferred *deferred, forker_deferred handle, const char *verb, int *code_out)
{
    forker_request *req = deferred->req;
    if (req->heads.len == 0) {
        return deferred;
    }
    (void)fk_deferred_unlock(deferred, FORKER_OK);
    fk_on_head_run(req, req->response.status != 0 ? req->response.status : STATUS_OK);
    return lock_unanswered(handle, verb, code_out);
}

int forker_stream_begin(forker_deferred handle, int64_t length)
{
    static const char verb[] = "stream_begin";
    int code;
    if (length < -1) {
        return fk_deferred_refuse(handle, verb, FORKER_E_INVALID, "the length is negative, and not -1");
    }
    fk_deferred *deferred = lock_unanswered(handle, verb, &code);
    if (deferred != NULL) {
        deferred = show_head(deferred, handle, verb, &code);
    }
    return deferred != NULL ? begin(deferred, verb, length) : code;
}

/* Takes a piece of the body, if there is room. With the entry's lock. */
static int append_piece(fk_deferred *deferred, const char *verb, const void *data, size_t len)
{
    fk_failure *failure = &deferred->failure;
    uint64_t most = (uint64_t)fk_server_option(deferred->req->server, FK_OPTION_STREAM_BUFFER);
    if (deferred->closed) {
        return fk_fail(failure, FORKER_E_ABORTED, "%s: the client has left", verb);
    }
    if (deferred->req->response.grpc == FK_GRPC_STREAM) {
        return fk_fail(failure, FORKER_E_STATE, "%s: the call takes messages, see forker_grpc_send()", verb);
    }
    if (len > most) {
        return fk_fail(failure, FORKER_E_LIMIT, "%s: %zu bytes at once are more than option stream_buffer", verb, len);
    }
    if (deferred->promised >= 0 && len > (uint64_t)deferred->promised) {
        return fk_fail(failure, FORKER_E_LIMIT, "%s: %zu bytes, where the length leaves %" PRId64, verb, len,
                       deferred->promised);
    }
    if (deferred->pending.len + deferred->sending.len + len > most) {
        deferred->wants_drain = true;
        return FORKER_E_AGAIN; /* no mistake: on_drain follows */
    }
    if (!fk_block_append(&deferred->pending, data, len)) {
        return fk_fail(failure, FORKER_E_MEMORY, "%s: no memory for %zu bytes", verb, len);
    }
    return FORKER_OK;
}

/* What follows append_piece(): tells the loop, and unlocks. */
static int conclude(fk_deferred *deferred, int code, size_t len)
{
    if (code != FORKER_OK) {
        return fk_deferred_unlock(deferred, code);
    }
    if (deferred->promised >= 0) {
        deferred->promised -= (int64_t)len;
    }
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

static int write_piece(forker_deferred handle, const char *verb, const void *data, size_t len)
{
    int code;
    if (data == NULL && len > 0) {
        return fk_deferred_refuse(handle, verb, FORKER_E_INVALID, "the data is NULL");
    }
    fk_deferred *deferred = lock_stream(handle, verb, &code);
    return deferred != NULL ? conclude(deferred, append_piece(deferred, verb, data, len), len) : code;
}

int forker_stream_write(forker_deferred handle, const void *data, size_t len)
{
    return write_piece(handle, "stream_write", data, len);
}

/* Waits until something has changed, and unlocks. false: the time is over. */
static bool wait_for_change(fk_deferred *deferred, uint64_t until_ns)
{
    const uint64_t second = 1000000000;
    struct timespec until = {(time_t)(until_ns / second), (long)(until_ns % second)};
    int code = until_ns == UINT64_MAX ? pthread_cond_wait(&deferred->change, &deferred->lock)
                                      : pthread_cond_timedwait(&deferred->change, &deferred->lock, &until);
    (void)pthread_mutex_unlock(&deferred->lock);
    return code == 0;
}

/* Why there would never be room while this thread waits; NULL: there may be. */
static const char *wait_fault(const fk_deferred *deferred)
{
    const forker_request *req = deferred->req;
    if (deferred->retained != NULL) {
        return NULL;
    }
    if (fk_thread.box == &fk_server_slot(req->server, (uint32_t)fk_process.worker)->box) {
        return "called on the thread that would make the room";
    }
    bool inside = fk_thread.in_program && fk_thread.box == req->box && req->inside != FK_INSIDE_NOTHING;
    return inside ? "called in the handler, before whose return nothing is sent" : NULL;
}

int forker_stream_write_wait(forker_deferred handle, const void *data, size_t len, int32_t timeout_ms)
{
    static const char verb[] = "stream_write_wait";
    uint64_t until_ns = timeout_ms < 0 ? UINT64_MAX : fk_clock() + (uint64_t)timeout_ms * 1000000;
    if (data == NULL && len > 0) {
        return fk_deferred_refuse(handle, verb, FORKER_E_INVALID, "the data is NULL");
    }
    for (bool in_time = true;;) {
        int code;
        fk_deferred *deferred = lock_stream(handle, verb, &code);
        if (deferred == NULL) {
            return code;
        }
        const char *fault = wait_fault(deferred);
        if (fault != NULL) {
            return fk_deferred_unlock(deferred, fk_fail(&deferred->failure, FORKER_E_STATE, "%s: %s", verb, fault));
        }
        code = append_piece(deferred, verb, data, len);
        if (code != FORKER_E_AGAIN || !in_time) {
            return conclude(deferred, code, len);
        }
        in_time = wait_for_change(deferred, until_ns);
    }
}

static int add_trailer(fk_deferred *deferred, const char *name, const char *value)
{
    static const char verb[] = "stream_trailer";
    fk_field_size size;
    if (deferred->closed) {
        return fk_fail(&deferred->failure, FORKER_E_ABORTED, "%s: the client has left", verb);
    }
    if (name == NULL || value == NULL) {
        return fk_fail(&deferred->failure, FORKER_E_INVALID, "%s: the name or the value is NULL", verb);
    }
    const char *fault = fk_field_trailer_fault(name, value, &size);
    if (fault != NULL) {
        return fk_fail(&deferred->failure, FORKER_E_INVALID, "%s %s: %s", verb, name, fault);
    }
    int code = fk_field_append(&deferred->req->response.trailers, name, value, size);
    return code == FORKER_OK ? code
                             : fk_fail(&deferred->failure, code, "%s %s: %s", verb, name, fk_field_append_fault(code));
}

int forker_stream_trailer(forker_deferred handle, const char *name, const char *value)
{
    int code;
    fk_deferred *deferred = lock_stream(handle, "stream_trailer", &code);
    return deferred != NULL ? fk_deferred_unlock(deferred, add_trailer(deferred, name, value)) : code;
}

int forker_stream_end(forker_deferred handle)
{
    int code;
    fk_deferred *deferred = lock_stream(handle, "stream_end", &code);
    return deferred != NULL ? fk_deferred_end(deferred, FK_EVENT_STREAM) : code;
}

int forker_stream_on_drain(forker_deferred handle, forker_drain_fn on_drain, void *user)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    deferred->on_drain = on_drain;
    deferred->on_drain_user = user;
    return deferred->closed ? fk_deferred_abort(deferred, "on_drain") : fk_deferred_unlock(deferred, FORKER_OK);
}

/* Appends "name: text\n" for each line of `text` (HTML Living Standard, server-sent events). */
static bool append_lines(fk_block *block, const char *name, const char *text)
{
    while (text != NULL) {
        size_t len = strcspn(text, "\r\n");
        if (!fk_block_append(block, name, strlen(name)) || !fk_block_append(block, text, len) ||
            !fk_block_append(block, "\n", 1)) {
            return false;
        }
        text += len;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : text[0] != '\0';
        text = *text != '\0' ? text : NULL;
    }
    return true;
}

int forker_sse_begin(forker_deferred handle)
{
    static const char verb[] = "sse_begin";
    int code;
    fk_deferred *deferred = lock_unanswered(handle, verb, &code);
    if (deferred == NULL) {
        return code;
    }
    code = fk_response_set(deferred->req, &deferred->failure, verb, "Content-Type", "text/event-stream");
    if (code == FORKER_OK) {
        code = fk_response_set(deferred->req, &deferred->failure, verb, "Cache-Control", "no-cache");
    }
    if (code != FORKER_OK) {
        return fk_deferred_unlock(deferred, code);
    }
    deferred = show_head(deferred, handle, verb, &code);
    return deferred != NULL ? begin(deferred, verb, -1) : code;
}

static const char no_memory[] = "no memory";

/* Why an event cannot be written, for the sentence; NULL: it can. */
static const char *event_fault(const char *event, const char *id, const char *data)
{
    if (data == NULL) {
        return "the data is NULL";
    }
    if (event != NULL && strpbrk(event, "\r\n") != NULL) {
        return "the event is not a single line";
    }
    return id != NULL && strpbrk(id, "\r\n") != NULL ? "the id is not a single line" : NULL;
}

int forker_sse_send(forker_deferred handle, const char *event, const char *id, const char *data)
{
    static const char verb[] = "sse_send";
    fk_block block = {0};
    const char *fault = event_fault(event, id, data);
    if (fault == NULL && (!append_lines(&block, "event: ", event) || !append_lines(&block, "id: ", id) ||
                          !append_lines(&block, "data: ", data) || !fk_block_append(&block, "\n", 1))) {
        fault = no_memory;
    }
    int code = fault == NULL
                   ? write_piece(handle, verb, block.data, (size_t)block.len)
                   : fk_deferred_refuse(handle, verb, fault == no_memory ? FORKER_E_MEMORY : FORKER_E_INVALID, fault);
    fk_block_free(&block);
    return code;
}
