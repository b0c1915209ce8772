/*
 * Registration of routes: what can be wrong about one is found here, at the call. Matching is package engine/router's.
 */
#include "setup/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/server.h"
#include "setup/method.h"
#include "setup/pattern.h"
#include "setup/routeoption.h"
#include "setup/setup.h"

/* Whether two patterns match exactly the same paths: they are equal but for the names of their parameters. */
static bool same_shape(const char *a, const char *b)
{
    for (;;) {
        if (*a != *b) {
            return false;
        }
        if (*a == '\0') {
            return true;
        }
        if (*a == '/' && (a[1] == ':' || a[1] == '*') && a[1] == b[1]) {
            a += strcspn(a + 1, "/") + 1;
            b += strcspn(b + 1, "/") + 1;
        } else {
            a++;
            b++;
        }
    }
}

/* Equal for two patterns of the same shape, and most often not for others (FNV-1a). */
static uint32_t hash_shape(const char *pattern)
{
    uint32_t hash = 2166136261U;
    for (const char *p = pattern; *p != '\0';) {
        bool is_param = *p == '/' && (p[1] == ':' || p[1] == '*');
        hash = (hash ^ (unsigned char)(is_param ? p[1] : *p)) * 16777619U;
        p += is_param ? strcspn(p + 1, "/") + 1 : 1;
    }
    return hash;
}

static uint32_t *place_of(const forker_server *server, uint32_t shape)
{
    return &server->routing.shapes[shape & (server->routing.route_cap - 1)];
}

/* Enters the route of that index, the latest one, into server->routing.shapes. */
static void enter_shape(forker_server *server, uint32_t index)
{
    fk_route *route = &server->routing.routes[index];
    uint32_t *place = place_of(server, route->shape);
    route->next = *place;
    *place = index + 1;
}

static const char *host_of(const forker_group *group)
{
    return group != NULL && group->host != NULL ? group->host : "";
}

/* The first route that has one of the methods on the same paths of the same host, or NULL. */
static const fk_route *find_conflict(const fk_route_spec *spec, const char *pattern, uint32_t shape)
{
    const forker_server *server = spec->server;
    const fk_route *first = NULL;
    uint32_t next = server->routing.route_cap > 0 ? *place_of(server, shape) : 0;
    while (next != 0) { /* the latest one first */
        const fk_route *route = &server->routing.routes[next - 1];
        if (route->shape == shape && same_shape(route->pattern, pattern) &&
            strcmp(host_of(route->group), host_of(spec->group)) == 0 &&
            fk_methods_overlap(route->methods, spec->methods)) {
            first = route;
        }
        next = route->next;
    }
    return first;
}

static void free_route(fk_route *route)
{
    free(route->methods);
    free(route->pattern);
    free(route->names);
    free(route->param_names);
    free(route->name);
    free(route->directory);
    fk_settings_free(&route->settings);
}

/* Copies the names of the pattern's parameters out of it, each NUL-terminated. */
static void split_names(fk_route *route)
{
    uint32_t count = 0;
    for (char *p = strchr(route->names, '/'); p != NULL; p = strchr(p, '/')) {
        *p++ = '\0';
        if (*p == ':' || *p == '*') {
            route->param_names[count++] = p + 1;
        }
    }
}

static bool copy_route(fk_route *route, const fk_route_spec *spec, const char *pattern)
{
    route->methods = strdup(spec->methods);
    route->directory = spec->directory != NULL ? strdup(spec->directory) : NULL;
    route->pattern = strdup(pattern);
    route->names = strdup(pattern);
    route->param_names = calloc(FK_PARAMS_MAX, sizeof *route->param_names);
    if (route->methods == NULL || route->pattern == NULL || route->names == NULL || route->param_names == NULL ||
        (spec->directory != NULL && route->directory == NULL)) {
        free_route(route);
        return false;
    }
    split_names(route);
    return true;
}

static bool grow_routes(forker_server *server)
{
    if (server->routing.route_count < server->routing.route_cap) {
        return true;
    }
    uint32_t cap = server->routing.route_cap > 0 ? server->routing.route_cap * 2 : 16;
    uint32_t *shapes = calloc(cap, sizeof *shapes);
    fk_route *routes = shapes != NULL ? realloc(server->routing.routes, cap * sizeof *routes) : NULL;
    if (routes == NULL) {
        free(shapes);
        return false;
    }
    free(server->routing.shapes);
    server->routing.shapes = shapes;
    server->routing.routes = routes;
    server->routing.route_cap = cap;
    for (uint32_t i = 0; i < server->routing.route_count; i++) {
        if (!server->routing.routes[i].guards) {
            enter_shape(server, i);
        }
    }
    return true;
}

/* Fails because a route cannot be registered as the program wants it. */
#define REFUSE(spec, code, format, ...)                                                                                \
    fk_setup_fail(spec->server, code, "handle %s %s%s: " format, spec->methods, spec->prefix, spec->pattern,           \
                  __VA_ARGS__)

/* Finds what of a route is malformed, or taken already. */
static int check_route(const fk_route_spec *spec, fk_route *route, const char *pattern)
{
    char sentence[FK_SENTENCE_MAX / 2];
    const char *fault = fk_methods_fault(spec->methods);
    if (fault == NULL && !fk_pattern_check(pattern, &route->param_count, sentence, sizeof sentence)) {
        fault = sentence;
    }
    if (fault != NULL) {
        return REFUSE(spec, FORKER_E_ROUTE, "%s", fault);
    }
    route->shape = hash_shape(pattern);
    const fk_route *conflict = find_conflict(spec, pattern, route->shape);
    if (conflict != NULL) {
        return REFUSE(spec, FORKER_E_ROUTE, "%s %s has a handler already", conflict->methods, conflict->pattern);
    }
    return FORKER_OK;
}

/* Takes a route that is as it should be into the table. */
static int enter_route(const fk_route_spec *spec, fk_route *route, const char *pattern)
{
    forker_server *server = spec->server;
    if (server->routing.route_count >= FK_ROUTES_MAX) {
        return REFUSE(spec, FORKER_E_LIMIT, "more than %d routes", FK_ROUTES_MAX);
    }
    if (!fk_methods_note(server, spec->methods)) {
        return REFUSE(spec, FORKER_E_LIMIT, "more than %d methods that are no standard ones", FK_METHODS_MAX);
    }
    if (!grow_routes(server) || !copy_route(route, spec, pattern)) {
        return REFUSE(spec, FORKER_E_MEMORY, "%s", "out of memory");
    }
    uint32_t before =
        server->routing.route_count > 0 ? server->routing.routes[server->routing.route_count - 1].ordinal : 0;
    route->ordinal = before + (route->guards ? 0 : 1);
    server->routing.routes[server->routing.route_count] = *route;
    if (!route->guards) {
        enter_shape(server, server->routing.route_count);
    }
    server->routing.route_count++;
    return FORKER_OK;
}

int fk_route_add(const fk_route_spec *spec)
{
    forker_server *server = spec->server;
    bool served = spec->directory != NULL || spec->follows;
    if (spec->methods == NULL || spec->pattern == NULL || (spec->handler == NULL && !served)) {
        return fk_setup_fail(server, FORKER_E_INVALID, "handle: methods, pattern or handler is NULL");
    }
    fk_route route = {.handler = spec->handler, .user = spec->user, .group = spec->group, .max_body = -1};
    route.pooled = fk_server_option(server, FK_OPTION_DISPATCH) != 0;
    route.follows = spec->follows;
    char pattern[FK_PATTERN_MAX + 1];
    size_t prefix = strlen(spec->prefix), len = strlen(spec->pattern);
    if (prefix + len > FK_PATTERN_MAX) {
        return REFUSE(spec, FORKER_E_ROUTE, "a pattern has at most %d bytes", FK_PATTERN_MAX);
    }
    memcpy(pattern, spec->prefix, prefix);
    memcpy(pattern + prefix, spec->pattern, len + 1);
    int code = check_route(spec, &route, pattern);
    return code == FORKER_OK ? enter_route(spec, &route, pattern) : code;
}

int fk_route_guard(forker_group *group)
{
    fk_route route = {.group = group, .guards = true, .max_body = -1};
    fk_route_spec spec = {.server = group->server, .methods = "*", .prefix = "", .pattern = group->prefix};
    char sentence[FK_SENTENCE_MAX / 2];
    route.pooled = fk_server_option(group->server, FK_OPTION_DISPATCH) != 0;
    if (group->prefix[0] != '\0' && !fk_pattern_check(group->prefix, &route.param_count, sentence, sizeof sentence)) {
        return REFUSE((&spec), FORKER_E_ROUTE, "%s", sentence);
    }
    return enter_route(&spec, &route, group->prefix);
}

int fk_route_handle(const fk_route_spec *spec, forker_route **route_out)
{
    if (route_out != NULL) {
        *route_out = NULL;
    }
    int refused = fk_setup_refuses(spec->server);
    if (refused != FORKER_OK) {
        return refused;
    }
    forker_server *server = spec->server;
    if (route_out == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "route: route_out is NULL");
    }
    forker_route *route = malloc(sizeof *route);
    if (route == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "route: out of memory");
    }
    int code = fk_route_add(spec);
    if (code != FORKER_OK) {
        free(route);
        return code;
    }
    *route = (forker_route){server, server->routing.route_count - 1, server->routing.route_handles};
    *route_out = server->routing.route_handles = route;
    return FORKER_OK;
}

int forker_server_handle(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                         void *user)
{
    int refused = fk_setup_refuses(server);
    return refused == FORKER_OK ? fk_route_add(&(fk_route_spec){.server = server,
                                                                .group = NULL,
                                                                .methods = methods,
                                                                .prefix = "",
                                                                .pattern = pattern,
                                                                .handler = handler,
                                                                .user = user})
                                : refused;
}

/* What forker_server_handle() takes, and a result. NOLINTNEXTLINE(readability-function-size) */
int forker_server_route(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                        void *user, forker_route **route_out)
{
    return fk_route_handle(&(fk_route_spec){.server = server,
                                            .group = NULL,
                                            .methods = methods,
                                            .prefix = "",
                                            .pattern = pattern,
                                            .handler = handler,
                                            .user = user},
                           route_out);
}

/* Frees the handles of all routes but the first `count`. The latest one is the first. */
static void free_handles(forker_server *server, uint32_t count)
{
    forker_route *handle;
    while ((handle = server->routing.route_handles) != NULL && handle->index >= count) {
        server->routing.route_handles = handle->next;
        free(handle);
    }
}

void fk_routes_cut(forker_server *server, uint32_t count)
{
    free_handles(server, count);
    while (server->routing.route_count > count) {
        fk_route *route = &server->routing.routes[--server->routing.route_count];
        *place_of(server, route->shape) = route->next; /* which has the latest one first */
        free_route(route);
    }
}

void fk_routes_free(forker_server *server)
{
    for (uint32_t i = 0; i < server->routing.route_count; i++) {
        free_route(&server->routing.routes[i]);
    }
    free_handles(server, 0);
    free(server->routing.routes);
    free(server->routing.shapes);
    free(server->routing.named);
    server->routing.named = NULL;
    server->routing.named_count = 0;
    server->routing.routes = NULL;
    server->routing.shapes = NULL;
    server->routing.route_count = server->routing.route_cap = 0;
}
