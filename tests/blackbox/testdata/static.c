/*
 * Directories that are served, as the arguments say: @PREFIX makes a group, =PREFIX=DIRECTORY serves one in it, +NAME=VALUE
 * sets an option of the latest of both, ? has errors be the program's, ! guards the group, & has it wait for another thread, PATH/ is a route with a handler,
 * the others are addresses.
 */
#include "program.h"

#include <pthread.h>

static int guard(forker_request *req, void *user)
{
    const char *token = forker_request_header(req, "X-Token", NULL);
    (void)user;
    if (token == NULL || strcmp(token, "secret") != 0) {
        return forker_respond_error(req, 401, NULL);
    }
    forker_response_header_set(req, "X-Guard", forker_request_param(req, "file", NULL));
    return FORKER_NEXT;
}

static void *go_on(void *handle)
{
    forker_deferred_next((forker_deferred)(uintptr_t)handle);
    return NULL;
}

static int wait_for_thread(forker_request *req, void *user)
{
    forker_deferred handle;
    pthread_t thread;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        pthread_create(&thread, NULL, go_on, (void *)(uintptr_t)handle) != 0) {
        return FORKER_E_INTERNAL;
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void tell_done(forker_request *req, const forker_outcome *outcome, void *user)
{
    char line[256];
    (void)user;
    snprintf(line, sizeof line, "done %s %d out %llu\n", forker_request_path(req, NULL), (int)outcome->status,
             (unsigned long long)outcome->bytes_out);
    tell(line);
}

static int handle(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "handled");
}

static int own_error(forker_request *req, int status, const char *detail, void *user)
{
    (void)detail;
    (void)user;
    return forker_respond(req, status, "text/plain", "own", 3);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_group *group = forker_server_group(server, "");
    forker_route *route = NULL;
    for (int i = 1; i < argc; i++) {
        char *rest = argv[i] + 1, *value = strchr(rest, '=');
        switch (argv[i][0]) {
        case '@':
            group = forker_server_group(server, rest);
            route = NULL;
            break;
        case '=':
            *value = '\0';
            forker_group_static(group, rest, value + 1, &route);
            break;
        case '+':
            *value = '\0';
            if (route != NULL) {
                forker_route_set(route, rest, value + 1);
            } else {
                forker_group_set(group, rest, value + 1);
            }
            break;
        case '?':
            forker_server_on_error(server, own_error, NULL);
            break;
        case '!':
            forker_group_use(group, guard, tell_done, NULL);
            break;
        case '&':
            forker_group_use(group, wait_for_thread, NULL, NULL);
            break;
        case '/':
            forker_group_route(group, "GET", argv[i], handle, NULL, &route);
            break;
        default:
            forker_server_listen(server, argv[i]);
        }
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
