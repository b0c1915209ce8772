/*
 * Names of routes, and the paths that lead to them: a pattern the other way round. What is written is decoded by the server to the
 * path that the route matches, and is never a reference to another host, whatever the values are.
 */
#include "setup/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/object.h"
#include "setup/setup.h"

/* What may stand in a path, and in a name or value of a query, besides letters and digits (RFC 3986 section 3.3). */
static const char path_safe[] = "-._~!$&'()*+,;=:@", query_safe[] = "-._~";

/* Where a name is among the routes that have one, or would be. */
static uint32_t find_place(const forker_server *server, const char *name, bool *found_out)
{
    uint32_t low = 0, high = server->routing.named_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (strcmp(server->routing.routes[server->routing.named[middle]].name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *found_out =
        low < server->routing.named_count && strcmp(server->routing.routes[server->routing.named[low]].name, name) == 0;
    return low;
}

static void forget_name(forker_server *server, uint32_t index)
{
    fk_route *route = &server->routing.routes[index];
    bool found;
    if (route->name == NULL) {
        return;
    }
    uint32_t place = find_place(server, route->name, &found);
    server->routing.named_count--;
    memmove(server->routing.named + place, server->routing.named + place + 1,
            (server->routing.named_count - place) * sizeof *server->routing.named);
    free(route->name);
    route->name = NULL;
}

int fk_route_name(forker_server *server, uint32_t index, const char *name)
{
    fk_route *route = &server->routing.routes[index];
    bool found;
    if (name == NULL || name[0] == '\0') {
        return fk_setup_fail(server, name == NULL ? FORKER_E_INVALID : FORKER_E_OPTION,
                             "route set name of %s %s: there is no name", route->methods, route->pattern);
    }
    uint32_t place = find_place(server, name, &found);
    if (found && server->routing.named[place] == index) {
        return FORKER_OK;
    }
    if (found) {
        const fk_route *other = &server->routing.routes[server->routing.named[place]];
        return fk_setup_fail(server, FORKER_E_OPTION, "route set name of %s %s: \"%s\" is %s %s", route->methods,
                             route->pattern, name, other->methods, other->pattern);
    }
    uint32_t *named = realloc(server->routing.named, (server->routing.named_count + 1) * sizeof *named);
    char *copy = strdup(name);
    server->routing.named = named != NULL ? named : server->routing.named;
    if (named == NULL || copy == NULL) {
        free(copy);
        return fk_setup_fail(server, FORKER_E_MEMORY, "route set name: out of memory");
    }
    forget_name(server, index);
    place = find_place(server, name, &found);
    memmove(named + place + 1, named + place, (server->routing.named_count - place) * sizeof *named);
    named[place] = index;
    server->routing.named_count++;
    route->name = copy;
    return FORKER_OK;
}

/* A text that grows up to its size; beyond that it is full. */
typedef struct {
    char *text;
    size_t len, size;
    bool full;
} writer;

static void put(writer *to, char c)
{
    if (to->len + 1 >= to->size) {
        to->full = true;
        return;
    }
    to->text[to->len++] = c;
    to->text[to->len] = '\0';
}

static void put_encoded(writer *to, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    put(to, '%');
    put(to, digits[c >> 4]);
    put(to, digits[c & 15]);
}

static void put_text(writer *to, const char *text, size_t len, const char *safe)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool plain = fk_ascii_is_digit(c) || (fk_ascii_lower(c) >= 'a' && fk_ascii_lower(c) <= 'z');
        if (plain || strchr(safe, c) != NULL) {
            put(to, c);
        } else {
            put_encoded(to, (unsigned char)c);
        }
    }
}

/* A slash; a second one at the beginning would make what follows a host (RFC 3986 section 4.2). */
static void put_slash(writer *to)
{
    if (to->len == 1) {
        put_encoded(to, '/');
    } else {
        put(to, '/');
    }
}

/* The values that a path is made of. */
typedef struct {
    const char *const *names;
    const char *const *values;
    size_t count;
} value_list;

/* The value of the parameter whose name is at `name`; NULL: there is none. */
static const char *find_value(const value_list *list, const char *name, size_t len)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strncmp(list->names[i], name, len) == 0 && list->names[i][len] == '\0') {
            return list->values[i];
        }
    }
    return NULL;
}

static bool is_dots(const char *segment, size_t len)
{
    return (len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.');
}

/* Writes a value in the place of "*name". false: with it the path would be another one. */
static bool put_rest(writer *to, const char *value)
{
    for (const char *segment = value;; segment++) {
        size_t len = strcspn(segment, "/");
        if (is_dots(segment, len)) {
            return false;
        }
        put_text(to, segment, len, path_safe);
        segment += len;
        if (*segment == '\0') {
            return true;
        }
        put_slash(to);
    }
}

/* Writes a segment of a pattern, or what stands for it. false: there is nothing that could. */
static bool put_segment(writer *to, const char *segment, size_t len, const value_list *list)
{
    if (segment[0] != ':' && segment[0] != '*') {
        size_t escape = fk_pattern_is_escaped(segment) ? 1 : 0;
        put_text(to, segment + escape, len - escape, path_safe);
        return true;
    }
    const char *value = find_value(list, segment + 1, len - 1);
    if (value == NULL) {
        return false;
    }
    if (segment[0] == '*') {
        return put_rest(to, value);
    }
    size_t value_len = strlen(value);
    put_text(to, value, value_len, path_safe);
    return value_len > 0 && strchr(value, '/') == NULL && !is_dots(value, value_len);
}

static bool put_path(writer *to, const fk_route *route, const value_list *list)
{
    for (const char *p = route->pattern; p != NULL; p = strchr(p + 1, '/')) {
        put_slash(to);
        if (!put_segment(to, p + 1, strcspn(p + 1, "/"), list)) {
            return false;
        }
    }
    return true;
}

static bool is_parameter(const fk_route *route, const char *name)
{
    for (uint32_t i = 0; i < route->param_count; i++) {
        if (strcmp(route->param_names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void put_query(writer *to, const fk_route *route, const value_list *list)
{
    char mark = '?';
    for (size_t i = 0; i < list->count; i++) {
        if (is_parameter(route, list->names[i])) {
            continue;
        }
        put(to, mark);
        put_text(to, list->names[i], strlen(list->names[i]), query_safe);
        put(to, '=');
        put_text(to, list->values[i], strlen(list->values[i]), query_safe);
        mark = '&';
    }
}

static bool is_complete(const value_list *list)
{
    if (!fk_is_array(list->names, list->count) || !fk_is_array(list->values, list->count)) {
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (list->names[i] == NULL || list->values[i] == NULL) {
            return false;
        }
    }
    return true;
}

/* What stands in place of a struct, so that any language can call it. NOLINTNEXTLINE(readability-function-size) */
int forker_url(forker_server *server, const char *name, const char *const *names, const char *const *values,
               size_t count, char *text_out, size_t size)
{
    value_list list = {names, values, count};
    writer to = {text_out, 0, size, false};
    bool found;
    if (text_out == NULL || size == 0) {
        return FORKER_E_INVALID;
    }
    text_out[0] = '\0';
    if (server == NULL || name == NULL || !is_complete(&list)) {
        return FORKER_E_INVALID;
    }
    uint32_t place = find_place(server, name, &found);
    if (!found) {
        return FORKER_E_ROUTE;
    }
    const fk_route *route = &server->routing.routes[server->routing.named[place]];
    int code = put_path(&to, route, &list) ? FORKER_OK : FORKER_E_INVALID;
    put_query(&to, route, &list);
    if (code == FORKER_OK && to.full) {
        code = FORKER_E_LIMIT;
    }
    if (code != FORKER_OK) {
        text_out[0] = '\0';
    }
    return code;
}

/* The route of that number among those that are the program's own. NULL: beyond the last. */
static const fk_route *find_route(const forker_server *server, size_t index)
{
    size_t low = 0, high = server->routing.route_count;
    while (low < high) { /* the first one that has more than `index` of them up to itself */
        size_t middle = low + (high - low) / 2;
        if (server->routing.routes[middle].ordinal <= index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < server->routing.route_count ? &server->routing.routes[low] : NULL;
}

int forker_route_at(forker_server *server, size_t index, forker_route_info *info_out)
{
    if (server == NULL || info_out == NULL || !fk_is_struct(&info_out->size)) {
        return FORKER_E_INVALID;
    }
    const fk_route *route = find_route(server, index);
    if (route == NULL) {
        return FORKER_E_INVALID;
    }
    forker_route_info info = {.size = info_out->size,
                              .methods = route->methods,
                              .pattern = route->pattern,
                              .name = route->name != NULL ? route->name : "",
                              .host = route->group != NULL && route->group->host != NULL ? route->group->host : ""};
    size_t known = info.size < sizeof info ? info.size : sizeof info;
    memset(info_out, 0, info.size);
    memcpy(info_out, &info, known);
    return FORKER_OK;
}
