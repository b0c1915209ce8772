/*
 * A server on the program's own event loop: poll(2) waits for the server and for the program's own descriptors, and
 * everything happens on the one thread that the program has.
 *
 *     $ ./poll_loop 127.0.0.1:8080
 *     $ curl http://127.0.0.1:8080/lines
 *
 * What is typed is a line of the program's own; the handler tells how many there were. The end of the input stops the
 * server.
 */
#include <forker.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* It needs no lock: the handler is called from within forker_server_poll(). */
static size_t lines;

static int tell_lines(forker_request *req, void *user) {
    char text[64];
    (void)user;
    int len = snprintf(text, sizeof text, "%zu lines so far\n", lines);
    return forker_respond(req, 200, "text/plain", text, (size_t)len);
}

/* Takes in what has been typed. Returns 0 at its end. */
static int read_input(void) {
    char text[4096];
    ssize_t len = read(STDIN_FILENO, text, sizeof text);
    for (ssize_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return len > 0;
}

int main(int argc, char **argv) {
    forker_server *server = forker_server_new();
    forker_server_set(server, "workers", "0");
    forker_server_handle(server, "GET", "/lines", tell_lines, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:8080");
    if (forker_server_open(server) != FORKER_OK) { /* the reason is in the log */
        return 1;
    }
    printf("serving on http://%s/lines\n", forker_server_address(server, 0));
    fflush(stdout);
    struct pollfd polled[] = {{.fd = forker_server_poll_fd(server), .events = POLLIN},
                              {.fd = STDIN_FILENO, .events = POLLIN}};
    int serving = 1;
    while (serving > 0 && (poll(polled, 2, -1) >= 0 || errno == EINTR)) { /* a signal changes nothing */
        if (polled[1].revents != 0 && !read_input()) {
            polled[1].fd = -1;
            forker_server_stop(server, 1000); /* answers what is under way, and then poll says that it is over */
        }
        if (polled[0].revents != 0) {
            serving = forker_server_poll(server, 0);
        }
    }
    forker_server_free(server);
    return serving == FORKER_OK ? 0 : 1;
}
