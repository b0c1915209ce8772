/*
 * Directories whose files are served. Each is two routes, whose handler is in the engine (package engine/static): for what is
 * below the prefix, and for the prefix itself, which is redirected to the path with a slash.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/server.h"
#include "setup/route.h"
#include "setup/setup.h"

#define FILES "/*file" /* the pattern of all that is below */

/* The path of a directory from the root on; it is the caller's. NULL: out of memory, or there is no present directory. */
static char *whole_path(const char *directory)
{
    char *path = NULL;
    if (directory[0] == '/') {
        return strdup(directory);
    }
    char *present = getcwd(NULL, 0);
    if (present != NULL && asprintf(&path, "%s/%s", present, directory) < 0) {
        path = NULL;
    }
    free(present);
    return path;
}

static const char *prefix_fault(const char *prefix)
{
    size_t len = strlen(prefix);
    if (len > 0 && (prefix[0] != '/' || prefix[len - 1] == '/')) {
        return "a prefix starts with \"/\" and does not end with it";
    }
    return strstr(prefix, "/*") != NULL ? "\"*name\" cannot be in a prefix" : NULL;
}

/* Enters the two routes. The second one follows the first, whose directory and options it has. */
static int enter(fk_route_spec *spec, const char *prefix, forker_route **route_out)
{
    forker_server *server = spec->server;
    char pattern[FK_PATTERN_MAX + sizeof FILES];
    size_t len = strlen(prefix);
    if (len > FK_PATTERN_MAX) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "static: a prefix has at most %d bytes", FK_PATTERN_MAX);
    }
    memcpy(pattern, prefix, len);
    memcpy(pattern + len, FILES, sizeof FILES);
    spec->pattern = pattern;
    int code = route_out != NULL ? fk_route_handle(spec, route_out) : fk_route_add(spec);
    if (code == FORKER_OK && spec->prefix[0] + prefix[0] != '\0') { /* else "/" is below */
        pattern[len] = '\0';
        spec->directory = NULL;
        spec->follows = true;
        code = fk_route_add(spec);
    }
    return code;
}

static int add(fk_route_spec *spec, const char *prefix, const char *directory, forker_route **route_out)
{
    forker_server *server = spec->server;
    if (prefix == NULL || directory == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "static: prefix or directory is NULL");
    }
    const char *fault = prefix_fault(prefix);
    if (fault != NULL) {
        return fk_setup_fail(server, FORKER_E_ROUTE, "static %s%s: %s", spec->prefix, prefix, fault);
    }
    struct stat file;
    int error = stat(directory, &file) != 0 ? errno : !S_ISDIR(file.st_mode) ? ENOTDIR : 0;
    if (error != 0) {
        return fk_setup_fail(server, FORKER_E_SYSTEM, "static %s%s: directory %s: %s", spec->prefix, prefix, directory,
                             strerror(error));
    }
    char *path = whole_path(directory);
    if (path == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "static %s%s: no memory for the path", spec->prefix, prefix);
    }
    spec->directory = path;
    int code = enter(spec, prefix, route_out);
    free(path);
    return code;
}

int forker_server_static(forker_server *server, const char *prefix, const char *directory, forker_route **route_out)
{
    if (route_out != NULL) {
        *route_out = NULL;
    }
    int refused = fk_setup_refuses(server);
    return refused == FORKER_OK
               ? add(&(fk_route_spec){.server = server, .methods = "GET", .prefix = ""}, prefix, directory, route_out)
               : refused;
}

int forker_group_static(forker_group *group, const char *prefix, const char *directory, forker_route **route_out)
{
    if (route_out != NULL) {
        *route_out = NULL;
    }
    int refused = group != NULL ? fk_setup_refuses(group->server) : FORKER_E_INVALID;
    return refused == FORKER_OK
               ? add(
                     &(fk_route_spec){
                         .server = group->server, .group = group, .methods = "GET", .prefix = group->prefix},
                     prefix, directory, route_out)
               : refused;
}
