/* What a program has to say of errors and heads: lastword.c ADDRESS. */
#include "program.h"

#include <pthread.h>

static void *released; /* counts */

static void count_release(void *user)
{
    (void)user;
    __atomic_fetch_add((int *)(void *)&released, 1, __ATOMIC_RELAXED);
}

/* The error function: a page that says all it knows, but for what it leaves to the library. */
static int word(forker_request *req, int status, const char *detail, void *user)
{
    char text[1024];
    size_t len;
    forker_deferred handle;
    int fd;
    const char *id = forker_request_param(req, "id", NULL);
    const char *body = forker_request_body(req, &len);
    const char *as = forker_request_header(req, "X-As", NULL);
    if (as != NULL && strcmp(as, "library") == 0) {
        return FORKER_NEXT;
    }
    if (as != NULL && strcmp(as, "nothing") == 0) {
        return FORKER_OK;
    }
    if (as != NULL && strcmp(as, "code") == 0) {
        forker_response_write(req, "half", 4);
        return FORKER_E_MEMORY;
    }
    if (as != NULL && strcmp(as, "late") == 0) {
        forker_response_header_set(req, "X-Half", "1");
        return FORKER_NEXT;
    }
    if (as != NULL && strcmp(as, "form") == 0) {
        const char *value = forker_form_value(req, "a", 0, NULL);
        snprintf(text, sizeof text, "form %d %s", forker_request_form(req), value != NULL ? value : "none");
        return forker_response_write(req, text, strlen(text));
    }
    if (as != NULL && strcmp(as, "other") == 0) {
        return forker_respond_error(req, 418, "a teapot");
    }
    if (forker_request_defer(req, &handle) != FORKER_E_STATE ||
        forker_request_hijack(req, &fd, NULL, NULL) == FORKER_OK ||
        forker_respond_interim(req, 103, "Link", "x") != FORKER_E_STATE) {
        return forker_respond(req, 200, NULL, "may keep the request", 20);
    }
    snprintf(text, sizeof text, "%s: %d %s %s id=%s body=%zu \"%s\"", (const char *)user, status,
             forker_request_method(req, NULL), forker_request_path(req, NULL), id != NULL ? id : "-",
             body != NULL ? len : 0, detail);
    forker_response_header_set(req, "Content-Type", "text/plain");
    return forker_response_write(req, text, strlen(text));
}

static int fail(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "X-Dropped", "1");
    forker_response_lend(req, "lent", 4, count_release, NULL);
    forker_response_write(req, "half", 4);
    return FORKER_E_INTERNAL;
}

static int refuse(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "WWW-Authenticate", "Basic");
    forker_response_header_set(req, "ETag", "\"1\"");
    return forker_respond_error(req, 401, "who are you?");
}

static int drop(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    forker_request_defer(req, &handle);
    forker_deferred_drop(handle);
    return FORKER_DEFERRED;
}

static int tell_released(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d", __atomic_load_n((int *)(void *)&released, __ATOMIC_RELAXED));
    return response_text(req, text);
}

/* ------------------------------------------------------------------------------------------------------------- heads */

static void set_order(forker_request *req, int status, void *user)
{
    char text[64];
    snprintf(text, sizeof text, "%s %d", (const char *)user, status);
    forker_response_header_add(req, "X-Head", text);
    if (forker_response_write(req, "x", 1) != FORKER_E_STATE || forker_response_status(req, 201) != FORKER_E_STATE ||
        forker_respond(req, 200, NULL, "", 0) != FORKER_E_STATE || forker_response_reset(req) != FORKER_E_STATE ||
        forker_request_on_head(req, set_order, user) != FORKER_E_STATE) {
        forker_response_header_add(req, "X-Head", "can do more");
    }
}

static void set_cookie(forker_request *req, int status, void *user)
{
    (void)status;
    (void)user;
    forker_response_cookie(req,
                           &(forker_cookie){.size = sizeof(forker_cookie), .name = "a", .value = "b", .max_age = -1});
    forker_response_header_set(req, "Date", "Thu, 01 Jan 1970 00:00:00 GMT");
    forker_response_header_set(req, "Connection", "close");
}

static int watch(forker_request *req, void *user)
{
    (void)user;
    forker_request_on_head(req, set_order, "outer");
    forker_request_on_head(req, set_order, "inner");
    if (forker_request_query(req, NULL)[0] == 'c') {
        forker_request_on_head(req, set_cookie, NULL);
    }
    return FORKER_NEXT;
}

static int answer(forker_request *req, void *user)
{
    return response_text(req, user);
}

static int pass_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int take(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)data;
    (void)len;
    (void)user;
    return last > 0 ? response_text(req, "taken") : FORKER_OK;
}

static int take_body(forker_request *req, void *user)
{
    (void)user;
    return forker_request_on_body(req, take, NULL);
}

static void *stream(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "streamed", 8);
    forker_stream_end(handle);
    return NULL;
}

static __thread int begins_events;

static void set_thread(forker_request *req, int status, void *user)
{
    (void)status;
    (void)user;
    forker_response_header_set(req, "X-Thread", begins_events ? "own" : "another");
}

static void *send_events(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    begins_events = 1;
    forker_request_on_head(forker_deferred_request(handle), set_thread, NULL);
    forker_sse_begin(handle);
    forker_sse_send(handle, NULL, NULL, "event");
    forker_stream_end(handle);
    return NULL;
}

static void *answer_late(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    forker_deferred_respond(handle, 202, NULL, "late", 4);
    return NULL;
}

/* What a thread does with a request. */
typedef struct {
    void *(*call)(void *);
} work;

static work streaming = {stream}, answering = {answer_late}, sending = {send_events};

static int on_thread(forker_request *req, void *user)
{
    forker_deferred handle;
    pthread_t thread;
    forker_request_defer(req, &handle);
    pthread_create(&thread, NULL, ((const work *)user)->call, (void *)(uintptr_t)handle);
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void too_many(forker_request *req, int status, void *user)
{
    (void)req;
    (void)status;
    (void)user;
}

static int count_most(forker_request *req, void *user)
{
    char text[32];
    int count = 0;
    (void)user;
    while (forker_request_on_head(req, too_many, NULL) == FORKER_OK) {
        count++;
    }
    snprintf(text, sizeof text, "%d", count);
    forker_response_header_set(req, "X-Most", text);
    return response_text(req, "most");
}

/* -------------------------------------------------------------------------------------------------- what a request is of */

static int tell_ends(forker_request *req, void *user)
{
    char text[256];
    size_t len = 0;
    const char *local = forker_request_local(req, &len);
    snprintf(text, sizeof text, "%s %d %d", local != NULL ? local : "gone", local != NULL && len == strlen(local),
             forker_request_server(req) == user);
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_route *route = NULL;
    if (argc < 2) {
        return 2;
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_on_error(server, word, "mine");
    forker_server_handle(server, "GET,POST", "/fail/:id", fail, NULL);
    /* The parameters are those of the second one, which is asked last. */
    forker_server_handle(server, "GET", "/next/:id", pass_on, NULL);
    forker_server_handle(server, "GET", "/:id/:what", pass_on, NULL);
    forker_server_route(server, "GET", "/pooled/:id", fail, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_handle(server, "GET", "/refuse", refuse, NULL);
    forker_server_handle(server, "GET", "/drop", drop, NULL);
    forker_server_handle(server, "GET", "/released", tell_released, NULL);
    forker_server_handle(server, "GET", "/fine", answer, "fine");
    forker_server_handle(server, "GET", "/most", count_most, NULL);
    forker_server_handle(server, "GET", "/ends", tell_ends, server);
    forker_server_route(server, "GET", "/pooled-ends", tell_ends, server, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_group *heads = forker_server_group(server, "/heads");
    forker_group_use(heads, watch, NULL, NULL);
    forker_group_handle(heads, "GET", "/fine", answer, "fine");
    forker_group_handle(heads, "GET", "/fail", fail, NULL);
    forker_group_handle(heads, "GET", "/refuse", refuse, NULL);
    forker_group_handle(heads, "GET", "/stream", on_thread, &streaming);
    forker_group_handle(heads, "GET", "/late", on_thread, &answering);
    forker_group_handle(heads, "GET", "/events", on_thread, &sending);
    forker_group_route(heads, "POST", "/take", take_body, NULL, &route);
    forker_route_set(route, "body", "stream");
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    return serve_to_end(server);
}
