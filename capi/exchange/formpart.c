/*
 * Forms that a program takes part by part, as they come. The parser is fed by an on_body of its own. Where the program pauses in the
 * middle of a piece, what is left of it is kept, and the engine asks for that before it passes more (forker_request.kept).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exchange/block.h"
#include "exchange/formrule.h"
#include "exchange/response.h"

typedef struct {
    forker_part_fn on_part;
    void *user;
    int result;       /* of its latest call */
    int fault;        /* FORKER_E_*, with a sentence: what is wrong with the form; FORKER_OK: nothing yet */
    forker_part part; /* the present one */
    fk_form_meter meter;
    const char *left; /* of a piece that the program has paused in */
    size_t left_len;
    char *room; /* where that is, unless it is in the request's body; malloc(3) */
    size_t room_len;
    fk_multipart parser;
} taking;

static bool is_paused(const taking *t)
{
    return __atomic_load_n(&t->meter.req->paused, __ATOMIC_ACQUIRE) != 0;
}

/* Whether the program has failed, or answered. What is done through a handle is the engine's to see. */
static bool is_done(const taking *t)
{
    const forker_request *req = t->meter.req;
    return req->deferred != NULL ? t->result != FORKER_OK && t->result != FORKER_DEFERRED
                                 : t->result != FORKER_OK || req->response.state == FK_RESPONSE_WHOLE;
}

static bool call(taking *t, const void *data, size_t len, int last)
{
    t->result = t->on_part(t->meter.req, &t->part, data, len, last, t->user);
    t->part.offset += len;
    return !is_done(t) && !is_paused(t);
}

static bool part_head(void *user, char *text, size_t len)
{
    taking *t = user;
    fk_part_header header;
    t->fault = fk_form_part(&t->meter, text, len, &header);
    t->part = (forker_part){
        .size = sizeof t->part, .name = header.name, .filename = header.filename, .content_type = header.content_type};
    return t->fault == FORKER_OK;
}

static bool part_data(void *user, const char *data, size_t len)
{
    taking *t = user;
    t->fault = fk_form_bytes(&t->meter, len);
    return t->fault == FORKER_OK && call(t, data, len, 0);
}

static bool part_end(void *user)
{
    return call(user, "", 0, 1);
}

/* Calls the program for the last time. */
static int end(taking *t, int last)
{
    forker_request *req = t->meter.req;
    req->on_body = NULL;
    free(t->room);
    t->room = NULL;
    return t->on_part(req, NULL, NULL, 0, last, t->user);
}

/* The form cannot be taken: the program is told, and answers, or leaves that to the library. */
static int refuse(taking *t)
{
    forker_request *req = t->meter.req;
    char sentence[256];
    (void)snprintf(sentence, sizeof sentence, "%s", fk_failure_text(&req->failure));
    int result = end(t, t->fault);
    if (req->deferred != NULL) {
        return FORKER_DEFERRED; /* the rest of the body is not wanted */
    }
    if (result < 0 || req->response.state == FK_RESPONSE_WHOLE) {
        return result;
    }
    int status = t->fault == FORKER_E_LIMIT ? 413 : t->fault == FORKER_E_MEMORY ? 503 : 400;
    return forker_respond_error(req, status, sentence);
}

/* Copies a piece to where it can stay, unless it is there. false: no memory. */
static bool save(taking *t, const char **data, size_t len)
{
    const forker_request *req = t->meter.req;
    bool is_body = req->body_len > 0 && *data >= req->body && *data <= req->body + req->body_len;
    bool is_room = t->room != NULL && *data >= t->room && *data <= t->room + t->room_len;
    if (is_body || is_room || len == 0) {
        return true;
    }
    if (len > t->room_len) {
        free(t->room);
        t->room = malloc(len);
        t->room_len = t->room != NULL ? len : 0;
    }
    if (t->room == NULL) {
        return false;
    }
    memcpy(t->room, *data, len);
    *data = t->room;
    return true;
}

/* Keeps what the program has not had yet. */
static int keep(taking *t, const char *data, size_t len)
{
    if (!save(t, &data, len)) {
        t->fault = fk_fail(&t->meter.req->failure, FORKER_E_MEMORY, "form: out of memory");
        return refuse(t);
    }
    t->left = data;
    t->left_len = len;
    t->meter.req->kept = 1;
    return t->result;
}

/* Has the parser take a piece, as far as the program wants it. Returns how much; t->fault tells if it is malformed. */
static size_t feed(taking *t, const char *data, size_t len)
{
    size_t taken = 0;
    do {
        taken += fk_multipart_feed(&t->parser, data + taken, len - taken);
        if (t->fault == FORKER_OK && t->parser.fault != NULL) {
            t->fault = fk_form_fault(t->meter.req, &t->parser);
        }
    } while (taken < len && t->fault == FORKER_OK && !is_done(t) && !is_paused(t)); /* else a pause was over at once */
    return taken;
}

/* The forker_body_fn of all such requests. The engine passes nothing as long as something is kept. */
static int take(forker_request *req, const void *data, size_t len, int last, void *user)
{
    taking *t = user;
    const char *piece = t->left_len > 0 ? t->left : data;
    size_t piece_len = t->left_len > 0 ? t->left_len : len;
    t->left_len = 0;
    req->kept = 0;
    if (last < 0) {
        (void)end(t, FORKER_E_ABORTED);
        return FORKER_OK;
    }
    req->on_body = take; /* also where it is the last piece, of which something can be left */
    size_t taken = feed(t, piece, piece_len);
    if (t->fault != FORKER_OK) {
        return refuse(t);
    }
    if (is_done(t)) {
        return t->result;
    }
    if (taken < piece_len || (last > 0 && is_paused(t))) {
        return keep(t, piece + taken, piece_len - taken);
    }
    if (last == 0) {
        return t->result;
    }
    if (!fk_multipart_finish(&t->parser)) {
        t->fault = fk_form_fault(req, &t->parser);
        return refuse(t);
    }
    return end(t, 1);
}

int forker_request_on_part(forker_request *req, forker_part_fn on_part, void *user)
{
    const char *boundary;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (on_part == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "on_part: the function is NULL");
    }
    int code = fk_form_type(req, &boundary);
    if (code != FORKER_OK) {
        return code;
    }
    if (boundary == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "form: it is application/x-www-form-urlencoded, which has no parts");
    }
    taking *t = (taking *)(void *)fk_text_new(req, sizeof *t);
    if (t == NULL) {
        return fk_fail(&req->failure, FORKER_E_MEMORY, "on_part: out of memory");
    }
    memset(t, 0, offsetof(taking, parser));
    t->on_part = on_part;
    t->user = user;
    t->meter.req = req;
    fk_multipart_begin(&t->parser, boundary, strlen(boundary),
                       &(fk_multipart_calls){part_head, part_data, part_end, t});
    return forker_request_on_body(req, take, t);
}
