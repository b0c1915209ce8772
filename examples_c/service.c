/*
 * A service: on the sockets that systemd passes (packaging/forker-hello.socket), or when started by hand, as
 * service [address], on port 8080.
 */
#include <forker.h>

#include <stdlib.h>

static int greet(forker_request *req, void *user) {
    (void)user;
    return forker_respond(req, 200, "text/plain", "greeting!!!", 11);
}

int main(int argc, char **argv) {
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    const char *by_hand = argc > 1 ? argv[1] : ":8080";
    forker_server_listen(server, getenv("LISTEN_FDS") != NULL ? "systemd" : by_hand);
    return forker_server_run(server) == FORKER_OK ? 0 : 1;
}
