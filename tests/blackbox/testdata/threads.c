/* Runs a server while the process has a second thread: threads <address>. */
#include "program.h"

#include <pthread.h>

static void *wait_for_ever(void *user)
{
    (void)user;
    for (;;) {
        pause();
    }
    return NULL;
}

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "hello\n");
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 2 || pthread_create(&thread, NULL, wait_for_ever, NULL) != 0) {
        return 2;
    }
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
