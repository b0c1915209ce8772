/*
 * Registration of routes: what can be wrong about one is found here, at the call. Matching is package engine/router's.
 */
#include "setup/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/server.h"
#include "setup/advice.h"
#include "setup/method.h"
#include "setup/option.h"
#include "setup/pattern.h"
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
    return &server->shapes[shape & (server->route_cap - 1)];
}

/* Enters the route of that index, the latest one, into server->shapes. */
static void enter_shape(forker_server *server, uint32_t index)
{
    fk_route *route = &server->routes[index];
    uint32_t *place = place_of(server, route->shape);
    route->next = *place;
    *place = index + 1;
}

/* The first route that has one of the methods on the same paths, or NULL. */
static const fk_route *find_conflict(const forker_server *server, const char *methods, const char *pattern,
                                     uint32_t shape)
{
    const fk_route *first = NULL;
    uint32_t next = server->route_cap > 0 ? *place_of(server, shape) : 0;
    while (next != 0) { /* the latest one first */
        const fk_route *route = &server->routes[next - 1];
        if (route->shape == shape && same_shape(route->pattern, pattern) &&
            fk_methods_overlap(route->methods, methods)) {
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
}

/* Copies the names of the pattern's parameters out of it, each NUL-terminated. */
static void split_names(fk_route *route)
{
    uint32_t count = 0;
    for (char *p = route->names; p != NULL; p = strchr(p, '/')) {
        *p++ = '\0';
        if (*p == ':' || *p == '*') {
            route->param_names[count++] = p + 1;
        }
    }
}

static bool copy_route(fk_route *route, const char *methods, const char *pattern)
{
    route->methods = strdup(methods);
    route->pattern = strdup(pattern);
    route->names = strdup(pattern);
    route->param_names = calloc(FK_PARAMS_MAX, sizeof *route->param_names);
    if (route->methods == NULL || route->pattern == NULL || route->names == NULL || route->param_names == NULL) {
        free_route(route);
        return false;
    }
    split_names(route);
    return true;
}

static bool grow_routes(forker_server *server)
{
    if (server->route_count < server->route_cap) {
        return true;
    }
    uint32_t cap = server->route_cap > 0 ? server->route_cap * 2 : 16;
    uint32_t *shapes = calloc(cap, sizeof *shapes);
    fk_route *routes = shapes != NULL ? realloc(server->routes, cap * sizeof *routes) : NULL;
    if (routes == NULL) {
        free(shapes);
        return false;
    }
    free(server->shapes);
    server->shapes = shapes;
    server->routes = routes;
    server->route_cap = cap;
    for (uint32_t i = 0; i < server->route_count; i++) {
        enter_shape(server, i);
    }
    return true;
}

int forker_server_handle(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                         void *user)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (methods == NULL || pattern == NULL || handler == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "handle: methods, pattern or handler is NULL");
    }
    fk_route route = {.handler = handler, .user = user, .max_body = -1};
    route.pooled = fk_server_option(server, FK_OPTION_DISPATCH) != 0;
    char sentence[FK_SENTENCE_MAX / 2];
    const char *fault = fk_methods_fault(methods);
    if (fault == NULL && !fk_pattern_check(pattern, &route.param_count, sentence, sizeof sentence)) {
        fault = sentence;
    }
    if (fault != NULL) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "handle %s %s: %s", methods, pattern, fault);
    }
    route.shape = hash_shape(pattern);
    const fk_route *conflict = find_conflict(server, methods, pattern, route.shape);
    if (conflict != NULL) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "handle %s %s: %s %s has a handler already", methods, pattern,
                             conflict->methods, conflict->pattern);
    }
    if (server->route_count >= FK_ROUTES_MAX) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "handle %s %s: more than %d routes", methods, pattern,
                             FK_ROUTES_MAX);
    }
    if (!fk_methods_note(server, methods)) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "handle %s %s: more than %d methods that are no standard ones",
                             methods, pattern, FK_METHODS_MAX);
    }
    if (!grow_routes(server) || !copy_route(&route, methods, pattern)) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "handle %s %s: out of memory", methods, pattern);
    }
    server->routes[server->route_count] = route;
    enter_shape(server, server->route_count++);
    return FORKER_OK;
}

/* What forker_server_handle() takes, and a result. NOLINTNEXTLINE(readability-function-size) */
int forker_server_route(forker_server *server, const char *methods, const char *pattern, forker_handler handler,
                        void *user, forker_route **route_out)
{
    if (route_out != NULL) {
        *route_out = NULL;
    }
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (route_out == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "route: route_out is NULL");
    }
    forker_route *route = malloc(sizeof *route);
    if (route == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "route %s %s: out of memory", methods, pattern);
    }
    int code = forker_server_handle(server, methods, pattern, handler, user);
    if (code != FORKER_OK) {
        free(route);
        return code;
    }
    *route = (forker_route){server, server->route_count - 1, server->route_handles};
    *route_out = server->route_handles = route;
    return FORKER_OK;
}

/* The options of a route: how a value for each is read, and what values there are. */
static bool set_dispatch(fk_route *route, const char *value)
{
    int64_t number;
    bool is = fk_option_parse(FK_OPTION_DISPATCH, value, &number);
    route->pooled = is ? number != 0 : route->pooled;
    return is;
}

static bool set_body(fk_route *route, const char *value)
{
    bool streamed = strcmp(value, "stream") == 0;
    bool is = streamed || strcmp(value, "buffer") == 0;
    route->streamed = is ? streamed : route->streamed;
    return is;
}

static bool set_max_body(fk_route *route, const char *value)
{
    int64_t number;
    bool is = fk_option_parse(FK_OPTION_MAX_BODY, value, &number);
    route->max_body = is ? number : route->max_body;
    return is;
}

static const struct {
    const char *name;
    bool (*set)(fk_route *route, const char *value);
    const char *fault;
    int like; /* the option of the server that has the same values; -1: none */
} route_options[] = {
    {"dispatch", set_dispatch, "is neither inline nor pool", FK_OPTION_DISPATCH},
    {"body", set_body, "is neither buffer nor stream", -1},
    {"max_body", set_max_body, "is not a size up to 1t", FK_OPTION_MAX_BODY},
};

int forker_route_set(forker_route *route, const char *name, const char *value)
{
    if (route == NULL) {
        return FORKER_E_INVALID;
    }
    forker_server *server = route->server;
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (name == NULL || value == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "route set: name or value is NULL");
    }
    fk_route *set = &server->routes[route->index];
    for (size_t i = 0; i < sizeof route_options / sizeof route_options[0]; i++) {
        if (strcmp(name, route_options[i].name) != 0) {
            continue;
        }
        if (!route_options[i].set(set, value)) {
            char advice[FK_ADVICE_MAX] = "";
            if (route_options[i].like >= 0) {
                fk_advice_value(route_options[i].like, value, advice);
            }
            return fk_setup_fail(server, FORKER_E_OPTION, "route set %s of %s %s: \"%s\" %s%s", name, set->methods,
                                 set->pattern, value, route_options[i].fault, advice);
        }
        return FORKER_OK;
    }
    return fk_setup_fail(server, FORKER_E_OPTION,
                         "route set: no route option \"%s\"; there are dispatch, body and max_body", name);
}

void fk_routes_free(forker_server *server)
{
    for (uint32_t i = 0; i < server->route_count; i++) {
        free_route(&server->routes[i]);
    }
    while (server->route_handles != NULL) {
        forker_route *next = server->route_handles->next;
        free(server->route_handles);
        server->route_handles = next;
    }
    free(server->routes);
    free(server->shapes);
    server->routes = NULL;
    server->shapes = NULL;
    server->route_count = server->route_cap = 0;
}
