/* Handlers of golden.c that respond later, whole or as a stream. */
#ifndef GOLDENLATER_H
#define GOLDENLATER_H

#include "program.h"

#include <pthread.h>
#include <semaphore.h>

/* The parameter of that name. */
static int number(forker_request *req)
{
    const char *text = forker_request_param(req, "number", NULL);
    return text != NULL ? (int)strtol(text, NULL, 10) : 0;
}

/* ------------------------------------------------------------------------------------------------------------- later */

static forker_deferred waiting;
static void (*on_go)(void); /* What the next /go does with it. */

static int go(forker_request *req, void *user)
{
    void (*act)(void) = on_go;
    (void)user;
    on_go = NULL;
    if (act == NULL) {
        return FORKER_E_STATE;
    }
    act();
    return response_text(req, "gone on\n");
}

static int wait_for_go(forker_request *req, void (*act)(void))
{
    int code = forker_request_defer(req, &waiting);
    on_go = act;
    return code == FORKER_OK ? FORKER_DEFERRED : code;
}

static void respond_now(void)
{
    forker_deferred_respond(waiting, 200, "text/plain", "later\n", 6);
}

static void send_now(void)
{
    forker_request *req = forker_deferred_request(waiting);
    forker_response_status(req, 202);
    forker_response_header_set(req, "X-Later", "yes");
    forker_response_write(req, "built later\n", 12);
    forker_deferred_send(waiting);
}

static void drop_now(void)
{
    forker_deferred_drop(waiting);
}

static int later(forker_request *req, void *user)
{
    (void)user;
    return wait_for_go(req, respond_now);
}

static int later_built(forker_request *req, void *user)
{
    (void)user;
    return wait_for_go(req, send_now);
}

static int later_dropped(forker_request *req, void *user)
{
    (void)user;
    return wait_for_go(req, drop_now);
}

static int deferred_at_once(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    if (code == FORKER_DEFERRED) {
        respond_now();
    }
    return code;
}

static void *respond_work(void *argument)
{
    (void)argument;
    respond_now();
    return NULL;
}

static int from_thread(forker_request *req, void *user)
{
    pthread_t thread;
    (void)user;
    int code = wait_for_go(req, NULL);
    if (code == FORKER_DEFERRED && pthread_create(&thread, NULL, respond_work, NULL) == 0) {
        pthread_detach(thread);
    }
    return code;
}

static sem_t held;

static int pooled_hold(forker_request *req, void *user)
{
    (void)user;
    while (sem_wait(&held) != 0) {
    }
    return response_text(req, "held\n");
}

static int let_go(forker_request *req, void *user)
{
    (void)user;
    sem_post(&held);
    return response_text(req, "let go\n");
}

/* ----------------------------------------------------------------------------------------------------------- streams */

/* A stream that is whole before the handler returns. */
static int stream(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_response_header_set(forker_deferred_request(waiting), "Content-Type", "text/plain");
    forker_stream_begin(waiting, -1);
    forker_stream_write(waiting, "one ", 4);
    forker_stream_write(waiting, "two\n", 4);
    forker_stream_end(waiting);
    return code;
}

static int stream_empty(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_stream_begin(waiting, -1);
    forker_stream_end(waiting);
    return code;
}

static int stream_trailer(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_stream_begin(waiting, -1);
    forker_stream_write(waiting, "body\n", 5);
    forker_stream_trailer(waiting, "X-Sum", "5");
    forker_stream_trailer(waiting, "X-Other", "yes");
    forker_stream_end(waiting);
    return code;
}

/* Fields that are announced; the same where no trailer section follows. */
static int announce(forker_request *req, int64_t len)
{
    int code = wait_for_go(req, NULL);
    forker_response_header_set(req, "Trailer", "X-Sum, X-Other");
    forker_response_header_set(req, "X-Field", "yes");
    forker_stream_begin(waiting, len);
    forker_stream_write(waiting, "body\n", 5);
    forker_stream_trailer(waiting, "X-Sum", "5");
    forker_stream_end(waiting);
    return code;
}

static int stream_announced(forker_request *req, void *user)
{
    (void)user;
    return announce(req, -1);
}

static int stream_announced_length(forker_request *req, void *user)
{
    (void)user;
    return announce(req, 5);
}

static int stream_length(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_stream_begin(waiting, 8);
    forker_stream_write(waiting, "one two\n", 8);
    forker_stream_end(waiting);
    return code;
}

static int stream_short(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_stream_begin(waiting, 100);
    forker_stream_write(waiting, "one two\n", 8);
    forker_stream_end(waiting);
    return code;
}

static int stream_dropped(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_stream_begin(waiting, -1);
    forker_stream_write(waiting, "one two\n", 8);
    forker_deferred_drop(waiting);
    return code;
}

static int stream_status(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    forker_response_status(forker_deferred_request(waiting), number(req));
    forker_stream_begin(waiting, -1);
    forker_stream_write(waiting, "body\n", 5);
    forker_stream_end(waiting);
    return code;
}

static void write_last(void)
{
    forker_stream_write(waiting, "third", 5);
    forker_stream_end(waiting);
}

static void write_second(void)
{
    forker_stream_write(waiting, "second", 6);
    on_go = write_last;
}

static void begin_in_steps(void)
{
    forker_stream_begin(waiting, -1);
    forker_stream_write(waiting, "first", 5);
    on_go = write_second;
}

static int stream_steps(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    begin_in_steps();
    return code;
}

static int stream_later(forker_request *req, void *user)
{
    (void)user;
    return wait_for_go(req, begin_in_steps);
}

static int stream_breaks(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, NULL);
    begin_in_steps();
    on_go = drop_now;
    return code;
}

static void end_events(void)
{
    forker_sse_send(waiting, NULL, NULL, "");
    forker_stream_end(waiting);
}

static int events(forker_request *req, void *user)
{
    (void)user;
    int code = wait_for_go(req, end_events);
    forker_sse_begin(waiting);
    forker_sse_send(waiting, "greeting", "1", "two\nlines");
    return code;
}

#endif
