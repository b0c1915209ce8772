/*
 * Methods of gRPC, as the program enters them: each is a route. One that was not registered in a group, and whose path is below
 * that of one, belongs to it: so what guards the prefix guards the method, whoever has registered it.
 */
#include "setup/grpc.h"

#include <string.h>

#include "base/ascii.h"
#include "setup/route.h"
#include "setup/setup.h"

static bool is_name_byte(char c)
{
    return fk_ascii_is_letter(c) || fk_ascii_is_digit(c) || c == '_';
}

/* A name, or names joined by dots; none is empty. Returns what is behind it, NULL if there is no such name. */
static const char *skip_name(const char *p, bool dotted)
{
    for (;;) {
        const char *start = p;
        while (is_name_byte(*p)) {
            p++;
        }
        if (p == start) {
            return NULL;
        }
        if (!dotted || *p != '.') {
            return p;
        }
        p++;
    }
}

/* "/package.Service/Method" */
static bool is_method(const char *text)
{
    const char *p = *text == '/' ? skip_name(text + 1, true) : NULL;
    p = p != NULL && *p == '/' ? skip_name(p + 1, false) : NULL;
    return p != NULL && *p == '\0';
}

/* Whether `prefix` and the method are a method together. */
static bool is_whole_method(const char *prefix, const char *method)
{
    char whole[FK_PATTERN_MAX + 1];
    size_t outer = strlen(prefix), len = strlen(method);
    if (outer + len > FK_PATTERN_MAX) {
        return false;
    }
    memcpy(whole, prefix, outer);
    memcpy(whole + outer, method, len + 1);
    return is_method(whole);
}

/* Fails if this cannot be a method; `spec` is one for POST. */
static int check_method(const fk_route_spec *spec, int kind)
{
    forker_server *server = spec->server;
    if (spec->pattern == NULL || spec->handler == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "grpc: method or handler is NULL");
    }
    if (!is_whole_method(spec->prefix, spec->pattern)) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "grpc %s%s: a method is written \"/package.Service/Method\"",
                             spec->prefix, spec->pattern);
    }
    if (kind < FORKER_GRPC_UNARY || kind > FORKER_GRPC_BIDI) {
        return fk_setup_fail(server, FORKER_E_INVALID, "grpc %s: kind %d is none of FORKER_GRPC_*", spec->pattern,
                             kind);
    }
    return FORKER_OK;
}

/* Whether the methods of two routes are of the same service. */
static bool is_same_service(const fk_route *a, const fk_route *b)
{
    size_t len = (size_t)(strrchr(a->pattern, '/') - a->pattern) + 1;
    return strncmp(a->pattern, b->pattern, len) == 0;
}

/* Makes the latest route of a server a method. */
static void become_method(forker_server *server, int kind)
{
    fk_route *route = &server->routing.routes[server->routing.route_count - 1];
    route->begins_service = true;
    for (uint32_t i = server->routing.route_count - 1; route->begins_service && i-- > 0;) {
        route->begins_service =
            server->routing.routes[i].grpc == 0 || !is_same_service(route, &server->routing.routes[i]);
    }
    route->grpc = (uint8_t)(kind + 1);
    route->streamed = kind == FORKER_GRPC_CLIENT_STREAM || kind == FORKER_GRPC_BIDI;
}

static int add_method(const fk_route_spec *spec, int kind)
{
    int code = fk_setup_refuses(spec->server);
    if (code == FORKER_OK) {
        code = check_method(spec, kind);
    }
    if (code == FORKER_OK) {
        code = fk_route_add(spec);
    }
    if (code == FORKER_OK) {
        become_method(spec->server, kind);
    }
    return code;
}

int forker_server_grpc(forker_server *server, const char *method, int kind, forker_handler handler, void *user)
{
    return add_method(
        &(fk_route_spec){
            .server = server, .methods = "POST", .prefix = "", .pattern = method, .handler = handler, .user = user},
        kind);
}

int forker_group_grpc(forker_group *group, const char *method, int kind, forker_handler handler, void *user)
{
    if (group == NULL) {
        return FORKER_E_INVALID;
    }
    return add_method(&(fk_route_spec){.server = group->server,
                                       .group = group,
                                       .methods = "POST",
                                       .prefix = group->prefix,
                                       .pattern = method,
                                       .handler = handler,
                                       .user = user},
                      kind);
}

/* What forker_server_grpc() takes, and a result. NOLINTNEXTLINE(readability-function-size) */
int forker_server_grpc_route(forker_server *server, const char *method, int kind, forker_handler handler, void *user,
                             forker_route **route_out)
{
    fk_route_spec spec = {
        .server = server, .methods = "POST", .prefix = "", .pattern = method, .handler = handler, .user = user};
    if (route_out != NULL) {
        *route_out = NULL;
    }
    int code = fk_setup_refuses(server);
    if (code == FORKER_OK) {
        code = check_method(&spec, kind);
    }
    if (code == FORKER_OK) {
        code = fk_route_handle(&spec, route_out);
    }
    if (code == FORKER_OK) {
        become_method(server, kind);
    }
    return code;
}

int fk_grpc_add_own(forker_server *server, const fk_own_method *methods, size_t count)
{
    uint32_t before = server->routing.route_count;
    int code = FORKER_OK;
    for (size_t i = 0; code == FORKER_OK && i < count; i++) {
        forker_route *route;
        code = forker_server_grpc_route(server, methods[i].name, methods[i].kind, methods[i].handler, NULL, &route);
        if (code == FORKER_OK) {
            code = forker_route_set(route, "dispatch", "inline");
        }
    }
    if (code != FORKER_OK) {
        fk_routes_cut(server, before);
    }
    return code;
}

/* ------------------------------------------------------------------------------------------------ methods and groups */

/* Whether the prefix of a group matches the first segments of a path, or all. ":name" matches any one. */
static bool is_below(const char *path, const char *prefix)
{
    while (*prefix != '\0') {
        if (prefix[0] == '/' && prefix[1] == ':') {
            prefix += strcspn(prefix + 1, "/") + 1;
            path += *path == '/' ? strcspn(path + 1, "/") + 1 : 0;
        } else if (*prefix++ != *path++) {
            return false;
        }
    }
    return *path == '/' || *path == '\0';
}

static bool is_inside(const forker_group *group, const forker_group *around)
{
    while (group != NULL && group != around) {
        group = group->around;
    }
    return group != NULL;
}

/* Whether all that is below the prefix of a group is the group's: one that has the prefix of the group around it is for some. */
static bool has_prefix(const forker_group *group)
{
    return group->around != NULL && strcmp(group->prefix, group->around->prefix) != 0;
}

/*
 * Finds the innermost of the groups that a path is below of. Fails if of two of them neither is inside of the other, or one is
 * for a host, while the method is for all.
 */
static int find_group(forker_server *server, const char *path, forker_group **group_out)
{
    *group_out = NULL;
    for (forker_group *group = server->routing.groups; group != NULL; group = group->next) {
        forker_group *found = *group_out;
        bool asks = group->use_count > 0 || group->settings.count > 0;
        if (!asks || !has_prefix(group) || !is_below(path, group->prefix) || is_inside(found, group)) {
            continue;
        }
        if (group->host != NULL) {
            return fk_server_fail(server, FORKER_E_ROUTE,
                                  "%s: the gRPC method %s is of all hosts, and below %s of %s; register it by "
                                  "forker_group_grpc() where it belongs to",
                                  server->run.verb, path, group->prefix, group->host);
        }
        if (found != NULL && !is_inside(group, found)) {
            return fk_server_fail(server, FORKER_E_ROUTE,
                                  "%s: the gRPC method %s is below %s and %s, two groups of which neither is inside of "
                                  "the other; register it by forker_group_grpc() in that which it belongs to",
                                  server->run.verb, path, found->prefix, group->prefix);
        }
        *group_out = group;
    }
    return FORKER_OK;
}

int fk_grpc_plan(forker_server *server)
{
    int code = FORKER_OK;
    for (uint32_t i = 0; code == FORKER_OK && server->routing.groups != NULL && i < server->routing.route_count; i++) {
        fk_route *route = &server->routing.routes[i];
        if (route->grpc != 0 && (route->group == NULL || route->adopted)) {
            route->adopted = true;
            code = find_group(server, route->pattern, &route->group);
        }
    }
    return code;
}
