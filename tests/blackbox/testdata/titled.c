/*
 * A program with a title of its own: titled <when> <address>, "before" run or in the worker's "init" hook. It writes over
 * its arguments, as setproctitle does.
 */
#include "program.h"

static char *arguments;
static size_t room;

static void set_title(const char *title)
{
    memset(arguments, 0, room);
    snprintf(arguments, room, "%s", title);
}

static int greet(forker_request *req, void *user)
{
    return response_text(req, user);
}

static int init(forker_server *server, int32_t worker, void *user)
{
    if (user != NULL) {
        set_title("own title");
    }
    return tell_worker(server, worker, NULL);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, "hello\n");
    forker_server_listen(server, argv[2]);
    int before = strcmp(argv[1], "before") == 0;
    arguments = argv[0];
    room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
    forker_server_on_worker_init(server, init, before ? NULL : server);
    if (before) {
        set_title("own title");
    }
    return serve_to_end(server);
}
