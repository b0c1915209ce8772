/* Keys and passwords that requests show: keys <address> <directory>. The key that is good is "secret". */
#include "program.h"

#include <pthread.h>

static int check(forker_request *req, const char *key, size_t len, void *user)
{
    (void)user;
    forker_response_header_add(req, "X-Asked", "1");
    return forker_same_secret(key, len, "secret");
}

/* Called behind the check of the key: it must not see a request without one. */
static int behind(forker_request *req, void *user)
{
    (void)user;
    return forker_response_header_add(req, "X-Behind", "1") == FORKER_OK ? FORKER_NEXT : FORKER_E_INTERNAL;
}

/* "POST 5 value": the method, bytes of the body, the field "a" of a form. */
static int tell_request(forker_request *req, void *user)
{
    char text[256];
    size_t len;
    (void)user;
    (void)forker_request_body(req, &len);
    const char *value = len > 0 ? forker_form_value(req, "a", 0, NULL) : NULL;
    const char *name = forker_request_user(req, NULL);
    snprintf(text, sizeof text, "%s %zu %s%s%s", forker_request_method(req, NULL), len, value != NULL ? value : "none",
             name != NULL ? " " : "", name != NULL ? name : "");
    return response_text(req, text);
}

static int say_open(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "open");
}

static int leave(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int take_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    char text[64];
    (void)data;
    (void)user;
    if (last == 0) {
        return FORKER_OK;
    }
    snprintf(text, sizeof text, "the last piece has %zu", len);
    return last > 0 ? response_text(req, text) : FORKER_OK;
}

static int take(forker_request *req, void *user)
{
    return forker_request_on_body(req, take_piece, user);
}

static void *judge(void *user)
{
    forker_deferred handle = *(forker_deferred *)user;
    forker_request *req = forker_deferred_request(handle);
    const char *name = req != NULL ? forker_request_query_param(req, "who", NULL) : NULL;
    free(user);
    if (name != NULL && strcmp(name, "friend") == 0) {
        forker_deferred_next(handle);
    } else {
        forker_deferred_respond(handle, 403, "text/plain", "not you", 7);
    }
    return NULL;
}

/* Asks elsewhere. */
static int check_later(forker_request *req, const char *key, size_t len, void *user)
{
    pthread_t thread;
    forker_deferred *handle = malloc(sizeof *handle);
    (void)key;
    (void)len;
    (void)user;
    if (handle == NULL || forker_request_defer(req, handle) != FORKER_OK ||
        pthread_create(&thread, NULL, judge, handle) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
    return FORKER_DEFERRED;
}

static int check_own(forker_request *req, const char *key, size_t len, void *user)
{
    (void)user;
    return len == 1 && key[0] == 'o' ? forker_respond_error(req, 418, "its own answer") : FORKER_OK;
}

static int check_code(forker_request *req, const char *key, size_t len, void *user)
{
    (void)req;
    (void)len;
    (void)user;
    return atoi(key);
}

static int check_password(forker_request *req, const char *name, const char *password, void *user)
{
    (void)user;
    if (strcmp(name, "busy") == 0) {
        return forker_respond_error(req, 503, "ask again");
    }
    return forker_same_secret(name, strlen(name), "jo\xc3\xa9") &
           forker_same_secret(password, strlen(password), "a:b c");
}

static void add_routes(forker_group *group, const char *directory)
{
    forker_route *route;
    forker_group_handle(group, "*", "/exact", tell_request, NULL);
    forker_group_handle(group, "GET", "/:id/in", tell_request, NULL);
    forker_group_route(group, "POST", "/stream", take, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_group_route(group, "POST", "/pool", tell_request, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_group_route(group, "POST", "/small", tell_request, NULL, &route);
    forker_route_set(route, "max_body", "10");
    forker_group_static(group, "/files", directory, NULL);
}

static forker_group *keyed(forker_server *server, const char *prefix, const char *sources, forker_key_fn fn)
{
    forker_group *group = forker_server_group(server, prefix);
    forker_group_key_auth(group, sources, fn, NULL);
    forker_group_use(group, behind, NULL, NULL);
    return group;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 3) {
        return 2;
    }
    forker_group *admin = keyed(
        server, "/admin", "header:Authorization:Bearer, header:X-Key, query:api key, cookie:sid, form:key", check);
    add_routes(admin, argv[2]);
    forker_group_set(admin, "auth_realm", "a \"realm\"");
    add_routes(keyed(server, "/form", "form:key", check), argv[2]);
    forker_group *pool = keyed(server, "/pool", "header:Authorization:Bearer,form:key", check);
    forker_group_set(pool, "dispatch", "pool");
    add_routes(pool, argv[2]);
    add_routes(keyed(server, "/later", "form:key, query:key", check_later), argv[2]);
    add_routes(keyed(server, "/own", "query:key", check_own), argv[2]);
    add_routes(keyed(server, "/code", "query:key", check_code), argv[2]);
    forker_group *basic = forker_server_group(server, "/basic");
    forker_group_basic_auth(basic, check_password, NULL);
    add_routes(basic, argv[2]);
    forker_server_handle(server, "*", "/leave/exact", leave, NULL);
    forker_group *left = keyed(server, "/leave", "form:key", check);
    forker_group_handle(left, "*", "/:any", tell_request, NULL);
    forker_server_handle(server, "*", "/*path", say_open, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
