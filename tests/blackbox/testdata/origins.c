/*
 * Functions that say whose pages may read what is answered: origins <address> <directory>. That of the server says yes to
 * https://root.example, that of /api/inner to https://inner.example; that of /api does what the origin says.
 */
#include "program.h"

#include <pthread.h>

static int slot;

static int take(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)req;
    (void)data;
    (void)len;
    (void)last;
    (void)user;
    return FORKER_OK;
}

static void see_head(forker_request *req, int status, void *user)
{
    (void)req;
    (void)status;
    (void)user;
}

/* Tries what such a function cannot do. Returns how many of these calls were not refused. */
static int try_all(forker_request *req)
{
    forker_deferred handle;
    int fd;
    const int codes[] = {
        forker_request_defer(req, &handle),
        forker_respond(req, 200, "text/plain", "x", 1),
        forker_respond_error(req, 403, "no"),
        forker_respond_redirect(req, 303, "/x"),
        forker_response_status(req, 201),
        forker_response_header_set(req, "X-Set", "1"),
        forker_response_write(req, "x", 1),
        forker_request_on_body(req, take, NULL),
        forker_request_on_head(req, see_head, NULL),
        forker_request_form(req),
        forker_respond_interim(req, 103, "Link", "</x>"),
        forker_request_hijack(req, &fd, NULL, NULL),
        forker_request_pause(req),
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        wrong += codes[i] != FORKER_E_STATE;
    }
    return wrong;
}

/* What the function finds of the request, for the handler: "GET /api/7/in 7 tenant". */
static void keep(forker_request *req)
{
    const char *id = forker_request_param(req, "id", NULL), *tenant = forker_request_header(req, "X-Tenant", NULL);
    char *text = malloc(256);
    const char *asked = forker_request_get(req, slot);
    size_t len;
    (void)forker_request_body(req, &len);
    snprintf(text, 256, "%s%s%s %s %s %s %zu", asked != NULL ? asked : "", asked != NULL ? " and " : "",
             forker_request_method(req, NULL), forker_request_path(req, NULL), id != NULL ? id : "none",
             tenant != NULL ? tenant : "none", len);
    forker_request_set(req, slot, text);
}

static int judge(forker_request *req, const char *origin, void *user)
{
    if (user != NULL) {
        return strcmp(origin, user) == 0;
    }
    keep(req);
    if (strcmp(origin, "https://tries.example") == 0) {
        return try_all(req) == 0;
    }
    if (strcmp(origin, "https://defers.example") == 0) {
        forker_deferred handle;
        return forker_request_defer(req, &handle) == FORKER_E_STATE ? FORKER_DEFERRED : 1;
    }
    if (strcmp(origin, "https://fails.example") == 0) {
        return FORKER_E_SYSTEM;
    }
    return strcmp(origin, "https://asked.example") == 0 || strcmp(origin, "null") == 0;
}

static int answer(forker_request *req, void *user)
{
    const char *kept = forker_request_get(req, slot);
    (void)user;
    return response_text(req, kept != NULL ? kept : "not asked");
}

static int fail(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_E_INTERNAL;
}

static int pass(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int own(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "Access-Control-Allow-Origin", "https://own.example");
    return response_text(req, "own");
}

static void *respond(void *user)
{
    forker_deferred handle = *(forker_deferred *)user;
    free(user);
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "streamed", 8);
    forker_stream_end(handle);
    return NULL;
}

static int stream(forker_request *req, void *user)
{
    pthread_t thread;
    forker_deferred *handle = malloc(sizeof *handle);
    (void)user;
    if (handle == NULL || forker_request_defer(req, handle) != FORKER_OK ||
        pthread_create(&thread, NULL, respond, handle) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void drop(forker_deferred handle, int reason, void *user)
{
    (void)reason;
    (void)user;
    forker_deferred_drop(handle);
}

/* The library answers in its place. */
static int never(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    return forker_request_defer(req, &handle) == FORKER_OK && forker_deferred_on_close(handle, drop, NULL) == FORKER_OK
               ? FORKER_DEFERRED
               : FORKER_E_INTERNAL;
}

static void add(forker_group *group, const char *methods, const char *pattern, forker_handler handler,
                const char *option, const char *value)
{
    forker_route *route;
    forker_group_route(group, methods, pattern, handler, NULL, &route);
    if (option != NULL) {
        forker_route_set(route, option, value);
    }
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 3) {
        return 2;
    }
    slot = forker_server_slot(server, free);
    forker_group_on_origin(forker_server_group(server, ""), judge, "https://root.example");
    forker_server_handle(server, "*", "/plain", answer, NULL);
    forker_group *api = forker_server_group(server, "/api"), *inner = forker_group_group(api, "/inner");
    forker_group_on_origin(api, judge, NULL);
    forker_group_set(api, "cors_origins", "https://listed.example");
    forker_group_set(api, "cors_credentials", "on");
    forker_group_set(api, "cors_expose", "X-A");
    forker_group_set(api, "cors_max_age", "10m");
    add(api, "*", "/:id/in", answer, NULL, NULL);
    add(api, "*", "/pool", answer, "dispatch", "pool");
    add(api, "*", "/stream", stream, NULL, NULL);
    add(api, "*", "/never", never, "handler_timeout", "1ms");
    add(api, "*", "/fail", fail, NULL, NULL);
    add(api, "*", "/own", own, NULL, NULL);
    add(api, "*", "/small", answer, "max_body", "2");
    add(api, "*", "/often", answer, "rate_limit", "1/h");
    add(api, "*", "/exact", answer, NULL, NULL);
    add(api, "*", "/next", pass, NULL, NULL);
    add(api, "*", "/:any", answer, "csp", "none"); /* another plan, with the same function */
    forker_group_static(api, "/files", argv[2], NULL);
    forker_group_on_origin(inner, judge, "https://inner.example");
    add(inner, "*", "/exact", answer, NULL, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
