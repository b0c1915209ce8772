/* Hosts with routes of their own, and rates of several routes: hosts.c ADDRESS. */
#include "program.h"

static int say(forker_request *req, void *user)
{
    return response_text(req, user);
}

static int guard(forker_request *req, void *user)
{
    const char *token = forker_request_header(req, "X-Token", NULL);
    return token != NULL && strcmp(token, user) == 0 ? FORKER_NEXT : forker_respond_error(req, 401, "who are you?");
}

static int mark(forker_request *req, void *user)
{
    forker_response_header_add(req, "X-Passed", user);
    return FORKER_NEXT;
}

static int pass_on(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int take(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    const char *body = forker_request_body(req, &len);
    return forker_respond(req, 200, NULL, body, len);
}

static void rated(forker_server *server, const char *pattern, const char *rate, forker_handler handler)
{
    forker_route *route = NULL;
    forker_server_route(server, "GET", pattern, handler, "rated", &route);
    forker_route_set(route, "rate_limit", rate);
}

/* What is no host, or a route that its host has already. On a server of its own, which does not run. */
static void refuse_others(void)
{
    static const char *const wrong[] = {
        "http://a.example/", "a.example:80",      "",          "*.", "a..b", ".a", "a.b.", "*", "[::1",
        "[::1]:80",          "b\xc3\xbc.example", "a*.example"};
    forker_server *server = forker_server_new();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (forker_server_host(server, wrong[i]) != NULL || strncmp(forker_server_error(server), "host ", 5) != 0) {
            tell("took what is no host\n");
        }
    }
    forker_group *a = forker_server_host(server, "a.example"), *again = forker_server_host(server, "A.example");
    if (forker_server_host(server, NULL) != NULL || forker_group_handle(a, "GET", "/x", say, NULL) != FORKER_OK ||
        forker_group_handle(again, "GET", "/x", say, NULL) != FORKER_E_ROUTE ||
        forker_server_handle(server, "GET", "/x", say, NULL) != FORKER_OK ||
        forker_group_handle(forker_server_host(server, "[::1]"), "GET", "/x", say, NULL) != FORKER_OK) {
        tell("took a route twice, or refused it for another host\n");
    }
    forker_route_info info = {.size = sizeof info};
    if (forker_route_at(server, 0, &info) != FORKER_OK || strcmp(info.host, "a.example") != 0 ||
        forker_route_at(server, 1, &info) != FORKER_OK || info.host[0] != '\0') {
        tell("does not tell hosts\n");
    }
    forker_server_free(server);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (argc != 2) {
        return 2;
    }
    forker_group_use(forker_server_group(server, ""), mark, NULL, "server");
    forker_server_handle(server, "GET", "/", say, "any");
    forker_server_handle(server, "GET", "/only", say, "any only");
    forker_group *admin = forker_server_group(server, "/admin");
    forker_group_use(admin, guard, NULL, "admin");
    forker_group_handle(admin, "GET", "/x", say, "guarded by path");
    forker_group *api = forker_server_host(server, "API.example");
    forker_group_use(api, guard, NULL, "api");
    forker_group_handle(api, "GET", "/", say, "guarded api");
    forker_group_handle(api, "POST", "/take", take, NULL);
    forker_group *inner = forker_group_group(api, "/v1");
    forker_group_use(inner, mark, NULL, "v1");
    forker_group_handle(inner, "GET", "/users/:id", say, "guarded user");
    forker_group *below = forker_server_host(server, "*.example");
    forker_group_handle(below, "GET", "/", say, "below");
    rated(server, "/rated/x", "2/h burst=2", pass_on);
    rated(server, "/rated/:a", "100/h burst=100", pass_on);
    rated(server, "/rated/*b", "2/h burst=2", say);
    refuse_others();
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
