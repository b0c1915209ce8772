/*
 * Options of routes. A program sets them of one route, or of all routes of a group: of those registered later too, so what is set
 * is kept, and comes to the routes when the server starts. An inner group goes before the groups around it, and what is set of a
 * route itself before all of them.
 */
#include "setup/routeoption.h"

#include <stdlib.h>
#include <string.h>

#include "base/server.h"
#include "setup/advice.h"
#include "setup/gateoption.h"
#include "setup/group.h"
#include "setup/option.h"
#include "setup/setup.h"
#include "setup/url.h"

/* The options of a route: how a value for each is read, and what values there are. */
static bool set_dispatch(fk_route *route, int like, const char *value)
{
    int64_t number;
    bool is = fk_option_parse(like, value, &number);
    route->pooled = is ? number != 0 : route->pooled;
    return is;
}

static bool set_body(fk_route *route, int like, const char *value)
{
    (void)like;
    bool streamed = strcmp(value, "stream") == 0;
    bool is = streamed || strcmp(value, "buffer") == 0;
    route->streamed = is ? streamed : route->streamed;
    return is;
}

static bool set_max_body(fk_route *route, int like, const char *value)
{
    int64_t number;
    bool is = fk_option_parse(like, value, &number);
    route->max_body = is ? number : route->max_body;
    return is;
}

static bool set_handler_timeout(fk_route *route, int like, const char *value)
{
    int64_t number;
    bool is = fk_option_parse(like, value, &number);
    route->handler_timeout = is ? number + 1 : route->handler_timeout;
    return is;
}

static bool set_form(fk_route *route, int like, const char *value)
{
    int64_t number, *limit = &route->form[like - FK_OPTION_FORM_PARTS];
    bool is = fk_option_parse(like, value, &number);
    *limit = is ? number + FK_FORM_OWN : *limit;
    return is;
}

static bool set_call(fk_route *route, int like, const char *value)
{
    int64_t number, *option = &route->call[like - FK_OPTION_GRPC_MAX_MESSAGE];
    bool is = fk_option_parse(like, value, &number);
    *option = is ? number + 1 : *option;
    return is;
}

/* Which routes have an option: what methods of gRPC take is messages, and no body. */
enum { OF_ALL, OF_BODIES, OF_METHODS };

static const struct {
    const char *name;
    bool (*set)(fk_route *route, int like, const char *value);
    const char *fault;
    int like; /* the option of the server that has the same values; -1: none */
    int of;
} route_options[] = {
    {"dispatch", set_dispatch, "is neither inline nor pool", FK_OPTION_DISPATCH, OF_ALL},
    {"body", set_body, "is neither buffer nor stream", -1, OF_BODIES},
    {"max_body", set_max_body, "is not a size up to 1t", FK_OPTION_MAX_BODY, OF_BODIES},
    {"handler_timeout", set_handler_timeout, "is not a time up to 24h", FK_OPTION_HANDLER_TIMEOUT, OF_ALL},
    {"form_parts", set_form, "is not a number from 1 to 10000", FK_OPTION_FORM_PARTS, OF_BODIES},
    {"form_field", set_form, "is not a size from 1 to 1g", FK_OPTION_FORM_FIELD, OF_BODIES},
    {"form_fields", set_form, "is not a size from 1 to 1g", FK_OPTION_FORM_FIELDS, OF_BODIES},
    {"form_file", set_form, "is neither off nor a size up to 1t", FK_OPTION_FORM_FILE, OF_BODIES},
    {"form_files", set_form, "is neither off nor a size up to 1t", FK_OPTION_FORM_FILES, OF_BODIES},
    {"grpc_max_message", set_call, "is not a size up to 2g", FK_OPTION_GRPC_MAX_MESSAGE, OF_METHODS},
    {"grpc_max_reply", set_call, "is not a size up to 4g", FK_OPTION_GRPC_MAX_REPLY, OF_METHODS},
    {"grpc_compress", set_call, "is not a size up to 1g", FK_OPTION_GRPC_COMPRESS, OF_METHODS},
};

enum { ROUTE_OPTIONS = sizeof route_options / sizeof route_options[0] };

/* What is set, and of what: "route set body of GET /a" or "group set body of /api", as sentences call it. */
typedef struct {
    const char *kind, *name, *value, *methods, *pattern;
} assignment;

/* Tries a value of an option of gates, which the server has too. */
static int try_gate(forker_server *server, int gate, const assignment *set)
{
    char sentence[FK_SENTENCE_MAX / 2];
    if (fk_option_resolve(set->name, set->value, sentence, sizeof sentence) >= 0) {
        return ROUTE_OPTIONS + gate;
    }
    return fk_setup_fail(server, FORKER_E_OPTION, "%s set of %s%s%s: %s", set->kind, set->methods,
                         set->methods[0] != '\0' ? " " : "", set->pattern, sentence);
}

/* Fails if a route of that kind does not have an option. The route that a group is tried on has no methods. */
static int check_kind(forker_server *server, const fk_route *route, int of, const assignment *set)
{
    if (of == OF_BODIES && route->grpc != 0) {
        return fk_setup_fail(server, FORKER_E_OPTION,
                             "%s set %s of %s: it is a gRPC method, which takes messages and no body; "
                             "option grpc_max_message is their limit",
                             set->kind, set->name, set->pattern);
    }
    if (of == OF_METHODS && route->grpc == 0 && route->methods != NULL) {
        return fk_setup_fail(server, FORKER_E_OPTION, "%s set %s of %s %s: it is no gRPC method", set->kind, set->name,
                             set->methods, set->pattern);
    }
    return FORKER_OK;
}

/* Finds the option and tries the value on `route`. Returns its number, or a code. */
static int try_option(forker_server *server, fk_route *route, const assignment *set)
{
    if (set->name == NULL || set->value == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "%s set: name or value is NULL", set->kind);
    }
    for (int i = 0; i < ROUTE_OPTIONS; i++) {
        if (strcmp(set->name, route_options[i].name) != 0) {
            continue;
        }
        int code = check_kind(server, route, route_options[i].of, set);
        if (code != FORKER_OK) {
            return code;
        }
        if (!route_options[i].set(route, route_options[i].like, set->value)) {
            char advice[FK_ADVICE_MAX] = "";
            if (route_options[i].like >= 0) {
                fk_advice_value(route_options[i].like, set->value, advice);
            }
            return fk_setup_fail(server, FORKER_E_OPTION, "%s set %s of %s%s%s: \"%s\" %s%s", set->kind, set->name,
                                 set->methods, set->methods[0] != '\0' ? " " : "", set->pattern, set->value,
                                 route_options[i].fault, advice);
        }
        return i;
    }
    int gate = fk_gate_option_find(set->name);
    if (gate >= FK_GATE_OPTIONS && route->methods != NULL && route->directory == NULL) {
        return fk_setup_fail(server, FORKER_E_OPTION, "route set %s of %s %s: it has a handler, and serves no files",
                             set->name, set->methods, set->pattern);
    }
    if (gate >= 0) {
        return try_gate(server, gate, set);
    }
    static const char others[] = "dispatch, body, max_body, handler_timeout, and those of forms, gRPC, gates and files";
    return fk_setup_fail(server, FORKER_E_OPTION, "%s set: no route option \"%s\"; there are %s", set->kind, set->name,
                         others);
}

/* Keeps what was set, in the place of an earlier value. false: no memory. */
static bool keep(fk_settings *settings, uint32_t option, const char *value)
{
    char *copy = strdup(value);
    if (copy == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < settings->count; i++) {
        if (settings->items[i].option == option) {
            free(settings->items[i].value);
            settings->items[i].value = copy;
            return true;
        }
    }
    fk_setting *items = realloc(settings->items, (settings->count + 1) * sizeof *items);
    if (items == NULL) {
        free(copy);
        return false;
    }
    settings->items = items;
    items[settings->count++] = (fk_setting){option, copy};
    return true;
}

static int assign(forker_server *server, fk_route *route, fk_settings *settings, const assignment *set)
{
    int option = try_option(server, route, set);
    if (option < 0) {
        return option;
    }
    return keep(settings, (uint32_t)option, set->value)
               ? FORKER_OK
               : fk_setup_fail(server, FORKER_E_MEMORY, "%s set %s: out of memory", set->kind, set->name);
}

int forker_route_set(forker_route *route, const char *name, const char *value)
{
    if (route == NULL) {
        return FORKER_E_INVALID;
    }
    int refused = fk_setup_refuses(route->server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (name != NULL && strcmp(name, "name") == 0) {
        return fk_route_name(route->server, route->index, value);
    }
    fk_route *set = &route->server->routing.routes[route->index];
    return assign(route->server, set, &set->settings, &(assignment){"route", name, value, set->methods, set->pattern});
}

int forker_group_set(forker_group *group, const char *name, const char *value)
{
    if (group == NULL) {
        return FORKER_E_INVALID;
    }
    int refused = fk_setup_refuses(group->server);
    if (refused != FORKER_OK) {
        return refused;
    }
    const char *of = group->prefix[0] != '\0' ? group->prefix : "all routes";
    fk_route tried = {0};
    int code = assign(group->server, &tried, &group->settings, &(assignment){"group", name, value, "", of});
    int gate = code == FORKER_OK ? fk_gate_option_find(name) : -1;
    bool keeps_out = gate >= 0 && fk_gate_option_keeps_out(gate) && value[0] != '\0' && strcmp(value, "off") != 0;
    return keeps_out ? fk_group_guard(group) : code;
}

static void apply(fk_route *route, const fk_settings *settings)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        const fk_setting *item = &settings->items[i]; /* which was tried */
        if (item->option >= ROUTE_OPTIONS) {
            route->own[item->option - ROUTE_OPTIONS] = item->value;
        } else if (route->grpc == 0 || route_options[item->option].of != OF_BODIES) { /* which a group can have set */
            (void)route_options[item->option].set(route, route_options[item->option].like, item->value);
        }
    }
}

static void apply_groups(fk_route *route, const forker_group *group)
{
    if (group != NULL) {
        apply_groups(route, group->around);
        apply(route, &group->settings);
        route->judge = group->judge.may_read != NULL ? &group->judge : route->judge;
    }
}

void fk_route_options_apply(forker_server *server)
{
    for (uint32_t i = 0; i < server->routing.route_count; i++) {
        fk_route *route = &server->routing.routes[i];
        apply_groups(route, route->group != NULL ? route->group : server->routing.root);
        apply(route, route->follows ? &route[-1].settings : &route->settings);
    }
}

void fk_settings_free(fk_settings *settings)
{
    for (uint32_t i = 0; i < settings->count; i++) {
        free(settings->items[i].value);
    }
    free(settings->items);
    *settings = (fk_settings){0};
}
