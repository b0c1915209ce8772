/* Tokens by which own pages are told from those of other sites: csrf <address> <directory>. */
#include "program.h"

/* "token token": two of one response. */
static int tell_tokens(forker_request *req, void *user)
{
    char text[512];
    (void)user;
    const char *first = forker_request_csrf_token(req), *second = forker_request_csrf_token(req);
    if (first == NULL || second == NULL) {
        return forker_respond_error(req, 500, forker_request_error(req));
    }
    snprintf(text, sizeof text, "%s %s", first, second);
    return response_text(req, text);
}

/* Takes back what it has said, the first token's cookie too. */
static int tell_after(forker_request *req, void *user)
{
    if (forker_request_csrf_token(req) == NULL) {
        abort();
    }
    if (strcmp(user, "reset") == 0) {
        forker_response_reset(req);
    } else if (strcmp(user, "set") == 0) {
        forker_response_header_set(req, "Set-Cookie", "other=1");
    } else {
        return FORKER_E_INTERNAL;
    }
    return tell_tokens(req, NULL);
}

static int tell_error(forker_request *req, int status, const char *detail, void *user)
{
    (void)detail;
    return status == 500 && strcmp(forker_request_path(req, NULL), "/after/error") == 0 ? tell_tokens(req, user)
                                                                                        : FORKER_NEXT;
}

static int save(forker_request *req, void *user)
{
    char text[256];
    size_t len;
    (void)user;
    (void)forker_request_body(req, &len);
    const char *value = len > 0 ? forker_form_value(req, "a", 0, NULL) : NULL;
    snprintf(text, sizeof text, "saved %zu %s", len, value != NULL ? value : "none");
    return response_text(req, text);
}

static int leave(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int mark(forker_request *req, void *user)
{
    (void)user;
    return forker_response_header_add(req, "X-Before", "1") == FORKER_OK ? FORKER_NEXT : FORKER_E_INTERNAL;
}

static int take_piece(forker_request *req, const void *data, size_t len, int last, void *user)
{
    char text[64];
    (void)data;
    (void)user;
    snprintf(text, sizeof text, "the last piece has %zu", len);
    return last > 0 ? response_text(req, text) : FORKER_OK;
}

static int take(forker_request *req, void *user)
{
    return forker_request_on_body(req, take_piece, user);
}

/* Answers by its handle, from the loop of the same thread. */
static void answer(forker_server *server, void *user)
{
    forker_deferred handle = *(forker_deferred *)user;
    (void)server;
    free(user);
    forker_deferred_respond(handle, 200, "text/plain", "later", 5);
}

static int later(forker_request *req, void *user)
{
    forker_deferred *handle = malloc(sizeof *handle);
    (void)user;
    if (handle == NULL || forker_request_defer(req, handle) != FORKER_OK ||
        forker_server_post(forker_request_server(req), answer, handle) != FORKER_OK) {
        abort();
    }
    return FORKER_DEFERRED;
}

static void add(forker_group *group, const char *pattern, forker_handler handler, const char *option, const char *value)
{
    forker_route *route;
    forker_group_route(group, "*", pattern, handler, NULL, &route);
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
    forker_server_handle(server, "GET", "/page", tell_tokens, NULL);
    forker_server_handle(server, "GET", "/after/reset", tell_after, "reset");
    forker_server_handle(server, "GET", "/after/set", tell_after, "set");
    forker_server_handle(server, "GET", "/after/error", tell_after, "error");
    forker_server_on_error(server, tell_error, NULL);
    forker_group *site = forker_server_group(server, "/site");
    forker_group_set(site, "csrf", "token");
    forker_group_set(site, "csrf_origins", "https://partner.example");
    add(site, "/save", save, NULL, NULL);
    add(site, "/pool", save, "dispatch", "pool");
    add(site, "/stream", take, "body", "stream");
    add(site, "/later", later, NULL, NULL);
    add(site, "/small", save, "max_body", "10");
    add(site, "/hook", save, "csrf", "off");
    forker_group_static(site, "/files", argv[2], NULL);
    forker_group *inner = forker_group_group(site, "/inner");
    forker_group_use(inner, mark, NULL, NULL);
    add(inner, "/save", save, NULL, NULL);
    add(forker_server_group(server, ""), "/left/save", leave, NULL, NULL);
    add(forker_server_group(server, ""), "/left/:any", save, "csrf", "token");
    forker_server_handle(server, "*", "/*path", save, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
