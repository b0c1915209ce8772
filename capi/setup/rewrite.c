/* Paths that stand for others. */
#include "setup/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "setup/setup.h"

static bool ends(const char *text, const char *with)
{
    size_t len = strlen(text), end = strlen(with);
    return len >= end && strcmp(text + len - end, with) == 0;
}

/* What is wrong with a rule, or NULL. With "$1" as the end of a path no dot segment can come to be. */
static const char *fault_of(const char *from, const char *to)
{
    const char *star = strchr(from, '*'), *dollar = strchr(to, '$');
    if (from[0] != '/' || to[0] != '/') {
        return "both paths start with \"/\"";
    }
    if (star != NULL && (!ends(from, "/*") || star[1] != '\0')) {
        return "\"*\" stands at the end, behind a slash, as in \"/old/*\"";
    }
    if (dollar != NULL && (star == NULL || !ends(to, "/$1") || strcmp(dollar, "$1") != 0)) {
        return "\"$1\" stands at the end, behind a slash, and is what \"*\" stands for";
    }
    if (strpbrk(from, "?#%") != NULL || strpbrk(to, "?#%") != NULL) {
        return "paths are written decoded, and without a query";
    }
    return strstr(to, "/.") != NULL ? "the new path has a segment that begins with a dot" : NULL;
}

int forker_server_rewrite(forker_server *server, const char *from, const char *to)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (from == NULL || to == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "rewrite: a path is NULL");
    }
    const char *fault = fault_of(from, to);
    if (fault != NULL) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "rewrite %s %s: %s", from, to, fault);
    }
    if (server->routing.rewrite_count == FK_REWRITES_MAX) {
        return fk_setup_fail(server, FORKER_E_LIMIT, "rewrite %s %s: more than %d", from, to, FK_REWRITES_MAX);
    }
    fk_rewrite *rewrites = realloc(server->routing.rewrites, (server->routing.rewrite_count + 1) * sizeof *rewrites);
    fk_rewrite rule = {strdup(from), strdup(to)};
    server->routing.rewrites = rewrites != NULL ? rewrites : server->routing.rewrites;
    if (rewrites == NULL || rule.from == NULL || rule.to == NULL) {
        free(rule.from);
        free(rule.to);
        return fk_setup_fail(server, FORKER_E_MEMORY, "rewrite: out of memory");
    }
    rewrites[server->routing.rewrite_count++] = rule;
    return FORKER_OK;
}

void fk_rewrites_free(forker_server *server)
{
    for (uint32_t i = 0; i < server->routing.rewrite_count; i++) {
        free(server->routing.rewrites[i].from);
        free(server->routing.rewrites[i].to);
    }
    free(server->routing.rewrites);
    server->routing.rewrites = NULL;
    server->routing.rewrite_count = 0;
}
