/* Names of routes, and the paths that lead to them. Tests by itself. */
#include "check.h"

static int handler(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_OK;
}

static forker_route *route(forker_server *server, const char *methods, const char *pattern, const char *name)
{
    forker_route *made = NULL;
    CHECK_CODE(forker_server_route(server, methods, pattern, handler, NULL, &made), FORKER_OK);
    if (name != NULL) {
        CHECK_CODE(forker_route_set(made, "name", name), FORKER_OK);
    }
    return made;
}

static void check_url(forker_server *server, const char *name, const char *value, int code, const char *want)
{
    char text[256];
    const char *names[] = {"id", "rest"}, *values[] = {value, value};
    CHECK_CODE(forker_url(server, name, names, values, value != NULL ? 2 : 0, text, sizeof text), code);
    char *query = strchr(text, '?');
    if (query != NULL) {
        *query = '\0';
    }
    CHECK_TEXT(text, want);
}

static void check_paths(forker_server *server)
{
    check_url(server, "home", NULL, FORKER_OK, "/");
    check_url(server, "user", "7", FORKER_OK, "/users/7");
    check_url(server, "user", "a b?#%\xc3\xa4", FORKER_OK, "/users/a%20b%3F%23%25%C3%A4");
    check_url(server, "user", "a:b@c", FORKER_OK, "/users/a:b@c");
    check_url(server, "user", "...", FORKER_OK, "/users/...");
    check_url(server, "user", "", FORKER_E_INVALID, "");
    check_url(server, "user", ".", FORKER_E_INVALID, "");
    check_url(server, "user", "..", FORKER_E_INVALID, "");
    check_url(server, "user", "a/b", FORKER_E_INVALID, "");
    check_url(server, "user", NULL, FORKER_E_INVALID, "");
    check_url(server, "all", "", FORKER_OK, "/");
    check_url(server, "all", "a/b//c", FORKER_OK, "/a/b//c");
    check_url(server, "all", "/evil.example", FORKER_OK, "/%2Fevil.example");
    check_url(server, "all", "//evil.example", FORKER_OK, "/%2F/evil.example");
    check_url(server, "all", "\\evil.example", FORKER_OK, "/%5Cevil.example");
    check_url(server, "all", "a/../b", FORKER_E_INVALID, "");
    check_url(server, "all", "a/.", FORKER_E_INVALID, "");
    check_url(server, "done", NULL, FORKER_OK, "/tasks/:done/*");
    check_url(server, "space", NULL, FORKER_OK, "/a%20b");
    check_url(server, "group", "7", FORKER_OK, "/api/7/x");
    check_url(server, "none", "7", FORKER_E_ROUTE, "");
}

static void check_queries(forker_server *server)
{
    char text[64];
    const char *names[] = {"page", "id", "q"}, *values[] = {"2", "7", "a&b=c d+\xc3\xa4/"};
    CHECK_CODE(forker_url(server, "user", names, values, 3, text, sizeof text), FORKER_OK);
    CHECK_TEXT(text, "/users/7?page=2&q=a%26b%3Dc%20d%2B%C3%A4%2F");
    size_t len = strlen(text);
    CHECK_CODE(forker_url(server, "user", names, values, 3, text, len + 1), FORKER_OK);
    for (size_t size = 1; size <= len; size++) {
        memset(text, 'x', sizeof text);
        CHECK_CODE(forker_url(server, "user", names, values, 3, text, size), FORKER_E_LIMIT);
        CHECK(text[0] == '\0' && text[size] == 'x');
    }
    CHECK_CODE(forker_url(server, "user", names, values, 3, text, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "user", names, values, 3, NULL, 9), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, NULL, names, values, 3, text, sizeof text), FORKER_E_INVALID);
    CHECK_CODE(forker_url(server, "user", NULL, values, 3, text, sizeof text), FORKER_E_INVALID);
    values[2] = NULL;
    CHECK_CODE(forker_url(server, "user", names, values, 3, text, sizeof text), FORKER_E_INVALID);
}

static void check_list(forker_server *server)
{
    static const char *const want[][3] = {
        {"GET", "/", "home"},         {"GET", "/users/:id", "user"},         {"GET,POST", "/\\*", ""},
        {"GET", "/*rest", "all"},     {"GET", "/tasks/\\:done/\\*", "done"}, {"GET", "/a b", "space"},
        {"*", "/api/:id/x", "group"},
    };
    size_t count = sizeof want / sizeof *want;
    for (size_t i = 0; i < count; i++) {
        forker_route_info info = {.size = sizeof info};
        CHECK_CODE(forker_route_at(server, i, &info), FORKER_OK);
        CHECK_TEXT(info.methods, want[i][0]);
        CHECK_TEXT(info.pattern, want[i][1]);
        CHECK_TEXT(info.name, want[i][2]);
    }
    forker_route_info info = {.size = sizeof info};
    CHECK_CODE(forker_route_at(server, count, &info), FORKER_E_INVALID);
    CHECK_CODE(forker_route_at(server, 0, NULL), FORKER_E_INVALID);
    info.size = 0;
    CHECK_CODE(forker_route_at(server, 0, &info), FORKER_E_INVALID);
    info = (forker_route_info){.size = offsetof(forker_route_info, pattern), .pattern = "kept"};
    CHECK_CODE(forker_route_at(server, 0, &info), FORKER_OK);
    CHECK_TEXT(info.methods, "GET");
    CHECK_TEXT(info.pattern, "kept");
}

int main(void)
{
    forker_server *server = forker_server_new();
    route(server, "GET", "/", "home");
    forker_route *user = route(server, "GET", "/users/:id", "first");
    CHECK_CODE(forker_route_set(user, "name", "user"), FORKER_OK);
    forker_route *star = route(server, "GET,POST", "/\\*", NULL);
    route(server, "GET", "/*rest", "all");
    forker_group *group = forker_server_group(server, "/api/:id");
    CHECK_CODE(forker_group_use(group, handler, NULL, NULL), FORKER_OK);
    route(server, "GET", "/tasks/\\:done/\\*", "done");
    route(server, "GET", "/a b", "space");
    forker_route *inside = NULL;
    CHECK_CODE(forker_group_route(group, "*", "/x", handler, NULL, &inside), FORKER_OK);
    CHECK_CODE(forker_route_set(inside, "name", "group"), FORKER_OK);
    check_paths(server);
    check_queries(server);
    check_list(server);
    check_url(server, "first", "7", FORKER_E_ROUTE, "");
    CHECK_CODE(forker_route_set(user, "name", "user"), FORKER_OK);
    CHECK_CODE(forker_route_set(star, "name", "user"), FORKER_E_OPTION);
    CHECK_TEXT(forker_server_error(server), "route set name of GET,POST /\\*: \"user\" is GET /users/:id");
    CHECK_CODE(forker_route_set(star, "name", ""), FORKER_E_OPTION);
    CHECK_CODE(forker_route_set(star, "name", NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_group_set(group, "name", "all of it"), FORKER_E_OPTION);
    forker_server_free(server);
    return check_exit_status();
}
