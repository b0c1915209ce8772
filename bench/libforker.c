/* The hello world of libforker as the benchmark runs it: libforker 127.0.0.1:PORT */
#include <forker.h>

#include <stdio.h>

static int greet(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, "text/plain", "greeting!!!", 11);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: libforker ADDRESS\n");
        return 2;
    }
    forker_server *srv = forker_server_new();
    forker_server_handle(srv, "GET", "/", greet, NULL);
    forker_server_listen(srv, argv[1]);
    int result = forker_server_run(srv);
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
