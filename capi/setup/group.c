/*
 * Groups of routes. What a group has is its own and that of the groups around it; the server itself is the outermost one. Where a
 * group has functions, the server asks them about every request below its prefix, also where no route is: so a check cannot be
 * passed by with a path or method that nobody has thought of.
 */
#include "setup/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/server.h"
#include "setup/grpc.h"
#include "setup/pattern.h"
#include "setup/route.h"
#include "setup/routeoption.h"
#include "setup/setup.h"

enum { USES_MAX = 64, DEPTH_MAX = 16, HOST_MAX = 253 };

/* The group that is the server itself. NULL: no memory. */
static forker_group *root_of(forker_server *server)
{
    if (server->routing.root == NULL) {
        forker_group *root = calloc(1, sizeof *root);
        char *prefix = strdup("");
        if (root == NULL || prefix == NULL) {
            free(root);
            free(prefix);
            (void)fk_setup_fail(server, FORKER_E_MEMORY, "group: out of memory");
            return NULL;
        }
        *root = (forker_group){.server = server, .prefix = prefix, .next = server->routing.groups};
        server->routing.root = server->routing.groups = root;
    }
    return server->routing.root;
}

/* What is wrong with the prefix of a group, or NULL. */
static const char *prefix_fault(const char *prefix, const char *whole, char *sentence, size_t size)
{
    uint32_t params;
    if (prefix[0] == '\0') {
        return NULL;
    }
    if (prefix[0] != '/' || prefix[strlen(prefix) - 1] == '/') {
        return "a prefix starts with \"/\" and does not end with it";
    }
    if (strstr(prefix, "/*") != NULL) {
        return "\"*name\" can only be the end of a pattern, not of a prefix";
    }
    return fk_pattern_check(whole, &params, sentence, size) ? NULL : sentence;
}

static uint32_t depth_of(const forker_group *group)
{
    uint32_t depth = 0;
    for (; group != NULL; group = group->around) {
        depth++;
    }
    return depth;
}

/* Makes a group inside of another one. */
static forker_group *make(forker_group *around, const char *prefix)
{
    forker_server *server = around->server;
    char sentence[FK_SENTENCE_MAX / 2];
    size_t outer = strlen(around->prefix), len = strlen(prefix);
    forker_group *group = calloc(1, sizeof *group);
    char *whole = malloc(outer + len + 1);
    if (group == NULL || whole == NULL) {
        free(group);
        free(whole);
        (void)fk_setup_fail(server, FORKER_E_MEMORY, "group %s: out of memory", prefix);
        return NULL;
    }
    memcpy(whole, around->prefix, outer);
    memcpy(whole + outer, prefix, len + 1);
    const char *fault = prefix_fault(prefix, whole, sentence, sizeof sentence);
    bool deep = depth_of(around) >= DEPTH_MAX;
    if (fault != NULL || deep) {
        (void)fk_setup_fail(server, deep ? FORKER_E_LIMIT : FORKER_E_ROUTE, "group %s: %s", whole,
                            deep ? "it is inside of 16 others, which is the most" : fault);
        free(group);
        free(whole);
        return NULL;
    }
    char *host = around->host != NULL ? strdup(around->host) : NULL;
    if (around->host != NULL && host == NULL) {
        free(group);
        free(whole);
        (void)fk_setup_fail(server, FORKER_E_MEMORY, "group %s: out of memory", prefix);
        return NULL;
    }
    *group = (forker_group){
        .server = server, .around = around, .host = host, .prefix = whole, .next = server->routing.groups};
    return server->routing.groups = group;
}

forker_group *forker_server_group(forker_server *server, const char *prefix)
{
    if (fk_setup_refuses(server) != FORKER_OK) {
        return NULL;
    }
    if (prefix == NULL) {
        (void)fk_setup_fail(server, FORKER_E_INVALID, "group: prefix is NULL");
        return NULL;
    }
    forker_group *root = root_of(server);
    return root == NULL || prefix[0] == '\0' ? root : make(root, prefix);
}

forker_group *forker_group_group(forker_group *group, const char *prefix)
{
    if (group == NULL || fk_setup_refuses(group->server) != FORKER_OK) {
        return NULL;
    }
    if (prefix == NULL) {
        (void)fk_setup_fail(group->server, FORKER_E_INVALID, "group: prefix is NULL");
        return NULL;
    }
    return make(group, prefix);
}

/* What is wrong with a host, or NULL. */
static const char *host_fault(const char *host)
{
    const char *name = strncmp(host, "*.", 2) == 0 ? host + 2 : host;
    size_t len = strlen(host);
    if (host[0] == '[') {
        return strspn(host + 1, "0123456789abcdefABCDEF:.") + 2 == len && host[len - 1] == ']'
                   ? NULL
                   : "between the brackets of a host is an IPv6 address, and nothing comes behind them";
    }
    if (strchr(host, ':') != NULL || strchr(host, '/') != NULL) {
        return "a host is a name without scheme, port and path, such as \"api.example.org\" or \"*.example.org\"";
    }
    for (const char *p = name; *p != '\0'; p++) {
        bool is_name = fk_ascii_is_digit(*p) || (fk_ascii_lower(*p) >= 'a' && fk_ascii_lower(*p) <= 'z');
        if (!is_name && *p != '-' && *p != '_' && (*p != '.' || p == name || p[1] == '.' || p[1] == '\0')) {
            return "a host has letters, digits, \"-\" and \"_\" between dots, and others as browsers send them (xn--)";
        }
    }
    return name[0] == '\0' || len > HOST_MAX ? "a host has 1 to 253 bytes" : NULL;
}

forker_group *forker_server_host(forker_server *server, const char *host)
{
    if (fk_setup_refuses(server) != FORKER_OK) {
        return NULL;
    }
    const char *fault = host != NULL ? host_fault(host) : "it is NULL";
    if (fault != NULL) {
        (void)fk_setup_fail(server, host != NULL ? FORKER_E_ROUTE : FORKER_E_INVALID, "host %s: %s",
                            host != NULL ? host : "", fault);
        return NULL;
    }
    forker_group *root = root_of(server), *group = root != NULL ? make(root, "") : NULL;
    if (group == NULL) {
        return NULL;
    }
    group->host = strdup(host);
    if (group->host == NULL) {
        (void)fk_setup_fail(server, FORKER_E_MEMORY, "host %s: out of memory", host);
        return NULL;
    }
    for (char *p = group->host; *p != '\0'; p++) {
        *p = fk_ascii_lower(*p);
    }
    return group;
}

int forker_group_handle(forker_group *group, const char *methods, const char *pattern, forker_handler handler,
                        void *user)
{
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    return refused == FORKER_OK ? fk_route_add(&(fk_route_spec){.server = group->server,
                                                                .group = group,
                                                                .methods = methods,
                                                                .prefix = group->prefix,
                                                                .pattern = pattern,
                                                                .handler = handler,
                                                                .user = user})
                                : refused;
}

/* What forker_group_handle() takes, and a result. NOLINTNEXTLINE(readability-function-size) */
int forker_group_route(forker_group *group, const char *methods, const char *pattern, forker_handler handler,
                       void *user, forker_route **route_out)
{
    if (group == NULL) {
        if (route_out != NULL) {
            *route_out = NULL;
        }
        return FORKER_E_INVALID;
    }
    return fk_route_handle(&(fk_route_spec){.server = group->server,
                                            .group = group,
                                            .methods = methods,
                                            .prefix = group->prefix,
                                            .pattern = pattern,
                                            .handler = handler,
                                            .user = user},
                           route_out);
}

int fk_group_guard(forker_group *group)
{
    int code = group->guarded ? FORKER_OK : fk_route_guard(group);
    group->guarded = code == FORKER_OK;
    return code;
}

int fk_group_use(forker_group *group, const char *call, const fk_use *use)
{
    forker_server *server = group->server;
    if (group->use_count == USES_MAX) {
        return fk_setup_fail(server, FORKER_E_LIMIT,
                             "%s: the group %s has %d pairs of functions already, which is the most", call,
                             group->prefix, USES_MAX);
    }
    fk_use *uses = realloc(group->uses, (group->use_count + 1) * sizeof *uses);
    if (uses == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "%s: out of memory", call);
    }
    group->uses = uses;
    int code = fk_group_guard(group);
    if (code == FORKER_OK) {
        uses[group->use_count++] = *use;
    }
    return code;
}

int forker_group_use(forker_group *group, forker_handler before, forker_done_fn done, void *user)
{
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    if (refused != FORKER_OK) {
        return refused;
    }
    if (before == NULL && done == NULL) {
        return fk_setup_fail(group->server, FORKER_E_INVALID, "use: before and done are both NULL");
    }
    return fk_group_use(group, "use", &(fk_use){.before = before, .done = done, .user = user});
}

/* The chain of a group is that of the group around it, which has been made, and its own. */
static bool make_chain(forker_group *group)
{
    uint32_t outer = group->around != NULL ? group->around->chain_count : 0;
    uint32_t count = outer + group->use_count;
    const fk_use **chain = malloc((count + 1) * sizeof(const fk_use *));
    if (chain == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        chain[i] = i < outer ? group->around->chain[i] : &group->uses[i - outer];
    }
    free((void *)group->chain);
    group->chain = chain;
    group->chain_count = count;
    return true;
}

/* Makes the chains of all groups at this depth. */
static bool make_chains(forker_server *server, uint32_t depth)
{
    for (forker_group *group = server->routing.groups; group != NULL; group = group->next) {
        if (depth_of(group) == depth && !make_chain(group)) {
            return false;
        }
    }
    return true;
}

int fk_groups_plan(forker_server *server)
{
    for (uint32_t depth = 1; server->routing.groups != NULL && depth <= DEPTH_MAX + 1; depth++) {
        if (!make_chains(server, depth)) {
            return fk_server_fail(server, FORKER_E_MEMORY, "%s: no memory for the groups", server->run.verb);
        }
    }
    int code = fk_grpc_plan(server);
    if (code == FORKER_OK) {
        fk_route_options_apply(server);
    }
    return code;
}

static void free_uses(forker_group *group)
{
    for (uint32_t i = 0; i < group->use_count; i++) {
        if (group->uses[i].destroy != NULL) {
            group->uses[i].destroy(group->uses[i].user);
        }
    }
    free(group->uses);
}

void fk_groups_free(forker_server *server)
{
    while (server->routing.groups != NULL) {
        forker_group *group = server->routing.groups;
        server->routing.groups = group->next;
        fk_settings_free(&group->settings);
        free_uses(group);
        free((void *)group->chain);
        free(group->host);
        free(group->prefix);
        free(group);
    }
    server->routing.root = NULL;
}
