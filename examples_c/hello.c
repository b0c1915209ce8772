/*
 * The smallest program: it answers "greeting!!!" on every core. Start it with `make run` or `build/hello` (with an
 * address other than :8080: `make run ADDRESS=:9000`, `build/hello :9000`), ask it with
 * `curl -i http://localhost:8080/`, look at its processes with `ps -o pid,ppid,nlwp,args --forest`, and end
 * it with Ctrl-C.
 */
#include <forker.h>

static int greet(forker_request *req, void *user) {
    (void)user;
    return forker_respond(req, 200, "text/plain", "greeting!!!", 11);
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_handle(srv, "GET", "/", greet, NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    return forker_server_run(srv) == FORKER_OK ? 0 : 1; /* the log says why */
}
