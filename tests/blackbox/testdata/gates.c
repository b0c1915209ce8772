/*
 * What the gates say of requests: gates <address or route> ... Options come from the environment, those of a route from
 * the arguments behind it, those of a group likewise: @/api +csrf=fetch /limited +rate_limit=2/s. A route has all methods,
 * or those before it: DELETE/thing
 */
#include "program.h"

#include <stdio.h>
#include <string.h>

static const char *or_none(const char *text)
{
    return text != NULL ? text : "none";
}

/* "192.0.2.1 https example.org id", the method, and who the user is, if there is one. */
static int who(forker_request *req, void *user)
{
    char text[512];
    if (user != NULL) {
        return response_text(req, forker_request_path(req, NULL));
    }
    const char *name = forker_request_user(req, NULL);
    snprintf(text, sizeof text, "%s %s %s %s %s%s%s", forker_request_client(req, NULL),
             forker_request_scheme(req, NULL), or_none(forker_request_host(req, NULL)),
             or_none(forker_request_id(req, NULL)), forker_request_method(req, NULL), name != NULL ? " " : "",
             name != NULL ? name : "");
    return response_text(req, text);
}

/* Answers with an error that quotes the path. */
static int fail(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_error(req, 422, forker_request_path(req, NULL));
}

static int pass(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_group *group = forker_server_group(server, "");
    forker_route *route = NULL;
    for (int i = 1; i < argc; i++) {
        char *path = strchr(argv[i], '/');
        if (argv[i][0] == '/' || (path != NULL && argv[i][0] >= 'A' && argv[i][0] <= 'Z')) {
            char methods[32];
            snprintf(methods, sizeof methods, "%.*s", path == argv[i] ? 1 : (int)(path - argv[i]),
                     path == argv[i] ? "*" : argv[i]);
            forker_group_route(group, methods, path,
                               strstr(argv[i], "next") != NULL    ? pass
                               : strstr(argv[i], "error") != NULL ? fail
                                                                  : who,
                               strstr(argv[i], "path") != NULL ? server : NULL, &route);
        } else if (argv[i][0] == '>') { /* >/old/ * /new/$1, with nothing around the star */
            forker_server_rewrite(server, argv[i] + 1, argv[i + 1]);
            i++;
        } else if (argv[i][0] == '@') {
            group = forker_server_group(server, argv[i] + 1);
            route = NULL;
        } else if (argv[i][0] == '+') {
            char *value = strchr(argv[i], '=');
            *value = '\0';
            if (route != NULL) {
                forker_route_set(route, argv[i] + 1, value + 1);
            } else {
                forker_group_set(group, argv[i] + 1, value + 1);
            }
        } else {
            forker_server_listen(server, argv[i]);
        }
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
