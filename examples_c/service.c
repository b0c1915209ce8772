/*
 * A service: on the sockets that systemd passes (packaging/forker-hello.socket), or on port 8080 when started by hand.
 */
#include <forker.h>

#include <stdlib.h>

static int greet(forker_request *req, void *user) {
    (void)user;
    return forker_respond(req, 200, "text/plain", "greeting!!!", 11);
}

int main(void) {
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_listen(server, getenv("LISTEN_FDS") != NULL ? "systemd" : ":8080");
    return forker_server_run(server) == FORKER_OK ? 0 : 1;
}
