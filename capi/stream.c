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

int forker_stream_begin(forker_deferred handle, int64_t length)
{
    fk_deferred *deferred = fk_deferred_lock(handle);
    if (deferred == NULL) {
        return fk_deferred_over();
    }
    fk_answer *answer = &deferred->req->answer;
    if (deferred->state != FK_DEFERRED_OPEN || answer->state == FK_ANSWER_WHOLE || answer->body.len > 0 ||
        answer->parts.len > 0) {
        return unlock_with(deferred, FORKER_E_STATE);
    }
    deferred->state = FK_DEFERRED_STREAM;
    if (deferred->closed) {
        return unlock_with(deferred, FORKER_E_ABORTED);
    }
    answer->state = FK_ANSWER_WHOLE;
    answer->flags |= FK_ANSWER_STREAM;
    answer->length = length >= 0 ? length : -1;
    deferred->promised = answer->length;
    fk_deferred_tell(deferred, FK_EVENT_STREAM);
    return FORKER_OK;
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
    forker_request *req = forker_deferred_request(handle);
    if (req == NULL) {
        return fk_deferred_over();
    }
    int code = forker_response_header_set(req, "Content-Type", "text/event-stream");
    if (code == FORKER_OK) {
        code = forker_response_header_set(req, "Cache-Control", "no-cache");
    }
    return code == FORKER_OK ? forker_stream_begin(handle, -1) : code;
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
