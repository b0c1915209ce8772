/* Answers that are written piece by piece, through the handle of a deferred request. */
#include <string.h>

#include "block.h"
#include "deferred.h"
#include "response.h"

static int unlock_with(fk_deferred *deferred, int code)
{
    (void)pthread_mutex_unlock(&deferred->lock);
    return code;
}

/* Locks the entry of a stream. NULL: *code_out says why not. */
static fk_deferred *lock_stream(forker_deferred handle, int *code_out)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    *code_out = fk_deferred_over();
    if (deferred != NULL && deferred->state != FK_DEFERRED_STREAM) {
        *code_out = unlock_with(deferred, FORKER_E_STATE);
        return NULL;
    }
    return deferred;
}

/* Locks the entry of a request that a stream can answer. NULL: *code_out says why not. */
static fk_deferred *lock_unanswered(forker_deferred handle, int *code_out)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    *code_out = fk_deferred_over();
    if (deferred == NULL) {
        return NULL;
    }
    const fk_answer *answer = &deferred->req->answer;
    if (deferred->state != FK_DEFERRED_OPEN || answer->state == FK_ANSWER_WHOLE || answer->body.len > 0 ||
        answer->parts.len > 0) {
        *code_out = unlock_with(deferred, FORKER_E_STATE);
        return NULL;
    }
    return deferred;
}

/* Begins the stream of a locked entry, which is unlocked. */
static int begin(fk_deferred *deferred, int64_t length)
{
    fk_answer *answer = &deferred->req->answer;
    deferred->state = FK_DEFERRED_STREAM;
    if (deferred->closed) {
        return unlock_with(deferred, FORKER_E_ABORTED);
    }
    answer->state = FK_ANSWER_WHOLE;
    answer->flags |= FK_ANSWER_STREAM;
    answer->length = length;
    deferred->promised = length;
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

int forker_stream_begin(forker_deferred handle, int64_t length)
{
    int code;
    if (length < -1) {
        return FORKER_E_INVALID;
    }
    fk_deferred *deferred = lock_unanswered(handle, &code);
    return deferred != NULL ? begin(deferred, length) : code;
}

int forker_stream_write(forker_deferred handle, const void *data, size_t len)
{
    int code;
    if (data == NULL && len > 0) {
        return FORKER_E_INVALID;
    }
    fk_deferred *deferred = lock_stream(handle, &code);
    if (deferred == NULL) {
        return code;
    }
    uint64_t most = (uint64_t)fk_server_option(deferred->req->server, FK_OPTION_STREAM_BUFFER);
    uint64_t waiting = deferred->pending.len + deferred->sending.len;
    if (deferred->closed) {
        return unlock_with(deferred, FORKER_E_ABORTED);
    }
    if (len > most || (deferred->promised >= 0 && len > (uint64_t)deferred->promised)) {
        return unlock_with(deferred, FORKER_E_LIMIT);
    }
    if (waiting + len > most) {
        deferred->wants_drain = true;
        return unlock_with(deferred, FORKER_E_AGAIN);
    }
    if (!fk_block_append(&deferred->pending, data, len)) {
        return unlock_with(deferred, FORKER_E_MEMORY);
    }
    if (deferred->promised >= 0) {
        deferred->promised -= (int64_t)len;
    }
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
}

int forker_stream_trailer(forker_deferred handle, const char *name, const char *value)
{
    int code;
    fk_deferred *deferred = lock_stream(handle, &code);
    if (deferred == NULL) {
        return code;
    }
    if (deferred->closed) {
        return unlock_with(deferred, FORKER_E_ABORTED);
    }
    return unlock_with(deferred, fk_response_trailer(deferred->req, name, value));
}

int forker_stream_end(forker_deferred handle)
{
    int code;
    fk_deferred *deferred = lock_stream(handle, &code);
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
    return unlock_with(deferred, deferred->closed ? FORKER_E_ABORTED : FORKER_OK);
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
    int code;
    fk_deferred *deferred = lock_unanswered(handle, &code);
    if (deferred == NULL) {
        return code;
    }
    code = forker_response_header_set(deferred->req, "Content-Type", "text/event-stream");
    if (code == FORKER_OK) {
        code = forker_response_header_set(deferred->req, "Cache-Control", "no-cache");
    }
    return code == FORKER_OK ? begin(deferred, -1) : unlock_with(deferred, code);
}

int forker_sse_send(forker_deferred handle, const char *event, const char *id, const char *data)
{
    fk_block block = {0};
    int code = FORKER_E_MEMORY;
    if (data == NULL || (event != NULL && strpbrk(event, "\r\n") != NULL) ||
        (id != NULL && strpbrk(id, "\r\n") != NULL)) {
        return FORKER_E_INVALID;
    }
    if (append_lines(&block, "event: ", event) && append_lines(&block, "id: ", id) &&
        append_lines(&block, "data: ", data) && fk_block_append(&block, "\n", 1)) {
        code = forker_stream_write(handle, block.data, (size_t)block.len);
    }
    fk_block_free(&block);
    return code;
}
