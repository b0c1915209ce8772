/*
 * Descriptors that are closed: closed <when> <address> ... Started with 0, 1 and 2 closed it tells nothing, but for
 * its log. `when` is "never", or at which moment /dev/null is put in the place of every listening socket: "run" before
 * run, "init" in the worker_init hook.
 */
#include "program.h"

#include <fcntl.h>
#include <sys/socket.h>

enum { DESCRIPTORS = 256 };

static int length(forker_request *req, void *user)
{
    char text[32];
    size_t len = 0;
    (void)user;
    forker_request_body(req, &len);
    snprintf(text, sizeof text, "%zu", len);
    return response_text(req, text);
}

static int file(forker_request *req, void *user)
{
    return forker_respond_file(req, 200, NULL, user);
}

static void replace_listeners(void)
{
    int nothing = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < DESCRIPTORS; fd++) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens) {
            dup2(nothing, fd);
        }
    }
    close(nothing);
}

static int init(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    if (strcmp(user, "init") == 0) {
        replace_listeners();
    }
    return FORKER_OK;
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET,POST", "/", length, NULL);
    forker_server_handle(server, "GET", "/file", file, argv[0]);
    forker_server_on_worker_init(server, init, argv[1]);
    for (int i = 2; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    if (strcmp(argv[1], "run") == 0) {
        replace_listeners();
    }
    int code = forker_server_run(server);
    forker_server_free(server);
    return code == FORKER_OK ? 0 : 1;
}
