/*
 * Groups with functions around their handlers, in all ways in which a request can go through them: groups.c ADDRESS. Each
 * request under the server's own functions is entered into a ledger, which /ledger tells.
 */
#include "program.h"

#include <poll.h>
#include <pthread.h>

static struct {
    int before, done, wrong; /* atomic */
} ledger;

enum { WAITING_MAX = 64 };

/* Handles that a thread goes on with. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t come;
    forker_deferred handles[WAITING_MAX];
    int count;
} waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .come = PTHREAD_COND_INITIALIZER};

static int count_before(forker_request *req, void *user)
{
    (void)user;
    __atomic_fetch_add(&ledger.before, 1, __ATOMIC_RELAXED);
    forker_response_header_add(req, "X-Order", "server");
    return FORKER_NEXT;
}

static void count_done(forker_request *req, const forker_outcome *outcome, void *user)
{
    char line[256];
    (void)user;
    __atomic_fetch_add(&ledger.done, 1, __ATOMIC_RELAXED);
    if (outcome->size != sizeof *outcome || forker_respond(req, 200, NULL, "", 0) != FORKER_E_STATE) {
        __atomic_fetch_add(&ledger.wrong, 1, __ATOMIC_RELAXED);
    }
    snprintf(line, sizeof line, "done %s %s %d %d in %llu out %llu\n", forker_request_method(req, NULL),
             forker_request_path(req, NULL), (int)outcome->status, (int)outcome->reason,
             (unsigned long long)outcome->bytes_in, (unsigned long long)outcome->bytes_out);
    tell(line);
}

static int tell_ledger(forker_request *req, void *user)
{
    char text[128];
    (void)user;
    snprintf(text, sizeof text, "before %d done %d wrong %d", ledger.before, ledger.done, ledger.wrong);
    return response_text(req, text);
}

static int name_order(forker_request *req, void *user)
{
    return forker_response_header_add(req, "X-Order", user) == FORKER_OK ? FORKER_NEXT : FORKER_E_INTERNAL;
}

static void name_done(forker_request *req, const forker_outcome *outcome, void *user)
{
    char line[64];
    (void)req;
    (void)outcome;
    snprintf(line, sizeof line, "undone %s\n", (const char *)user);
    tell(line);
}

static int guard(forker_request *req, void *user)
{
    const char *token = forker_request_header(req, "X-Token", NULL);
    (void)user;
    if (token != NULL && strcmp(token, "secret") == 0) {
        return FORKER_NEXT;
    }
    return forker_respond_error(req, 401, "who are you?");
}

static int say(forker_request *req, void *user)
{
    return response_text(req, user);
}

static int echo(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    const char *body = forker_request_body(req, &len);
    return forker_respond(req, 200, NULL, body, len);
}

static int pass_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int wait_for_thread(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    (void)pthread_mutex_lock(&waiting.lock);
    waiting.handles[waiting.count++ % WAITING_MAX] = handle;
    (void)pthread_cond_signal(&waiting.come);
    (void)pthread_mutex_unlock(&waiting.lock);
    return FORKER_DEFERRED;
}

static void note_end(forker_deferred handle, int reason, void *user)
{
    (void)handle;
    (void)reason;
    __atomic_store_n((int *)user, 1, __ATOMIC_RELEASE);
}

static void go_on(forker_deferred handle)
{
    forker_request *req = forker_deferred_request(handle);
    const char *token = req != NULL ? forker_request_header(req, "X-Token", NULL) : NULL;
    if (token != NULL && strcmp(token, "hold") == 0) {
        /* forker_deferred_cancelled() may tell of the end before, when a handle can still be used. */
        int ended = 0;
        if (forker_deferred_on_close(handle, note_end, &ended) != FORKER_OK) {
            ended = 1;
        }
        tell("held\n");
        while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) {
            (void)poll(NULL, 0, 1);
        }
        tell(forker_deferred_next(handle) == FORKER_E_ABORTED ? "next aborted\n" : "next wrong\n");
    } else if (token != NULL && strcmp(token, "secret") == 0) {
        forker_response_header_add(req, "X-Order", "thread");
        (void)forker_deferred_next(handle);
    } else {
        (void)forker_deferred_respond(handle, 403, "text/plain", "no", 2);
    }
    if (forker_deferred_next(handle) != FORKER_E_ABORTED) {
        tell("a used handle works\n");
    }
}

static void *thread(void *user)
{
    (void)user;
    for (;;) {
        (void)pthread_mutex_lock(&waiting.lock);
        while (waiting.count == 0) {
            (void)pthread_cond_wait(&waiting.come, &waiting.lock);
        }
        forker_deferred handle = waiting.handles[--waiting.count];
        (void)pthread_mutex_unlock(&waiting.lock);
        go_on(handle);
    }
    return NULL;
}

static pthread_t main_thread;

static int start_thread(forker_server *server, int32_t worker, void *user)
{
    pthread_t id;
    main_thread = pthread_self();
    return pthread_create(&id, NULL, thread, NULL) == 0 ? tell_worker(server, worker, user) : FORKER_E_SYSTEM;
}

static int next_by_handler(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_deferred_next(handle) != FORKER_E_STATE) {
        return FORKER_E_INTERNAL;
    }
    char text[128];
    (void)forker_deferred_error(handle, text, sizeof text);
    (void)forker_deferred_respond(handle, 200, "text/plain", text, strlen(text));
    return FORKER_DEFERRED;
}

static int stream(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_stream_begin(handle, -1) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    (void)forker_stream_write(handle, "a stream", 8);
    (void)forker_stream_end(handle);
    return FORKER_DEFERRED;
}

static int take_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)data;
    (void)user;
    if (last < 0) {
        return FORKER_OK;
    }
    (void)len;
    return last ? forker_respond(req, 200, "text/plain", "taken", 5) : FORKER_OK;
}

static int take(forker_request *req, void *user)
{
    return forker_request_on_body(req, take_piece, user);
}

static int fail(forker_request *req, void *user)
{
    (void)req;
    return *(int *)user;
}

static int answer_and_next(forker_request *req, void *user)
{
    (void)user;
    (void)forker_respond(req, 200, NULL, "x", 1);
    return FORKER_NEXT;
}

static const char *where(void)
{
    return pthread_equal(main_thread, pthread_self()) ? "main" : "pool";
}

static int name_where(forker_request *req, void *user)
{
    (void)user;
    return forker_response_header_add(req, "X-Order", where()) == FORKER_OK ? FORKER_NEXT : FORKER_E_INTERNAL;
}

static int say_where(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, where());
}

static void set_up_guarded(forker_server *server)
{
    forker_group *admin = forker_server_group(server, "/admin");
    forker_group_handle(admin, "GET", "/exact", say, "guarded exact"); /* before its guard is registered */
    forker_group_use(admin, guard, NULL, NULL);
    forker_group_handle(admin, "GET", "", say, "guarded root");
    forker_group_handle(admin, "GET", "/", say, "guarded slash");
    forker_group_handle(admin, "GET", "/:id", say, "guarded id");
    forker_group_handle(admin, "POST", "/form", echo, NULL);
    forker_group_handle(admin, "GET", "/files/*rest", say, "guarded rest");
    forker_group_handle(admin, "*", "/any", say, "guarded any");
    forker_group_handle(forker_group_group(admin, "/deep/er"), "GET", "/still", say, "guarded deep");
    forker_server_handle(server, "GET", "/:any/exact", say, "open second");
    forker_server_handle(server, "*", "/*all", say, "open");
}

static void set_up_order(forker_server *server)
{
    forker_group *outer = forker_server_group(server, "/outer");
    forker_group *inner = forker_group_group(outer, "/:name");
    forker_group_handle(inner, "GET", "/x", pass_on, NULL);
    forker_group_handle(outer, "GET", "/*rest", say, "the next route");
    forker_group_use(inner, name_order, name_done, "inner");
    forker_group_use(outer, name_order, name_done, "first");
    forker_group_use(outer, NULL, name_done, "only done");
    forker_group_use(outer, name_order, NULL, "second");
    forker_group_handle(inner, "GET", "/y", say, "y");
}

static void set_up_waiting(forker_server *server)
{
    forker_group *slow = forker_server_group(server, "/slow");
    forker_route *route;
    forker_group_use(slow, wait_for_thread, NULL, NULL);
    forker_group_handle(slow, "GET", "/hello", say, "waited");
    forker_group_handle(slow, "POST", "/echo", echo, NULL);
    forker_group_route(slow, "POST", "/take", take, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_group_route(slow, "POST", "/pool", echo, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_handle(server, "GET", "/next-by-handler", next_by_handler, NULL);
}

static void set_up_others(forker_server *server)
{
    static int codes[] = {FORKER_E_MEMORY, 7, FORKER_DEFERRED, FORKER_OK};
    static const char *const names[] = {"/code", "/seven", "/deferred", "/nothing"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        forker_group *failing = forker_server_group(server, names[i]);
        forker_group_use(failing, fail, NULL, &codes[i]);
        forker_group_handle(failing, "GET", "", say, "never");
    }
    forker_group *twice = forker_server_group(server, "/twice");
    forker_group_use(twice, answer_and_next, NULL, NULL);
    forker_group *pool = forker_server_group(server, "/pool");
    forker_route *route;
    forker_group_set(pool, "dispatch", "pool");
    forker_group_set(pool, "max_body", "10");
    forker_group_use(pool, name_where, NULL, NULL);
    forker_group_handle(pool, "GET,POST", "/here", say_where, NULL);
    forker_group_route(pool, "GET,POST", "/not", say_where, NULL, &route);
    forker_route_set(route, "dispatch", "inline");
    forker_group *large = forker_group_group(pool, "/large");
    forker_group_set(large, "max_body", "20");
    forker_group_handle(large, "POST", "", echo, NULL);
    forker_group *bodies = forker_server_group(server, "/bodies");
    forker_group_use(bodies, guard, NULL, NULL);
    forker_group_handle(bodies, "POST", "/echo", echo, NULL);
    forker_group_route(bodies, "POST", "/take", take, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_group_handle(bodies, "GET", "/stream", stream, NULL);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 2) {
        return 2;
    }
    forker_server_listen(server, argv[1]);
    forker_server_handle(server, "GET", "/ledger", tell_ledger, NULL);
    set_up_guarded(server);
    set_up_order(server);
    set_up_waiting(server);
    set_up_others(server);
    forker_group_use(forker_server_group(server, ""), count_before, count_done, NULL);
    forker_server_on_worker_init(server, start_thread, NULL);
    return serve_to_end(server);
}
