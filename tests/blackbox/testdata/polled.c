/*
 * Two servers on one poll(2) loop, on one thread: polled. Each has a socket of its own and answers with its number.
 * /stop stops the server that it reaches; when both have ended they are opened and ended once more, by polling and by
 * free. It is run with option workers=0.
 */
#include "program.h"

#include <poll.h>
#include <pthread.h>

enum { SERVERS = 2 };

static forker_server *servers[SERVERS];
static pthread_t program_thread;

static int number(forker_request *req, void *user)
{
    char text[64];
    forker_server **server = user;
    snprintf(text, sizeof text, "server %d %s\n", (int)(server - servers),
             pthread_equal(pthread_self(), program_thread) ? "here" : "elsewhere");
    return response_text(req, text);
}

static int stop(forker_request *req, void *user)
{
    forker_server **server = user;
    forker_server_stop(*server, 1000);
    return response_text(req, "stopping\n");
}

/* What is refused to a callback of the server. */
static int poll_from_handler(forker_request *req, void *user)
{
    char text[64];
    forker_server **server = user;
    forker_server_free(*server);
    snprintf(text, sizeof text, "poll %d fd %d open %d\n", forker_server_poll(*server, 0),
             forker_server_poll_fd(*server), forker_server_open(*server));
    return response_text(req, text);
}

static forker_server *make(forker_server **place)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "GET", "/", number, place);
    forker_server_handle(server, "GET", "/stop", stop, place);
    forker_server_handle(server, "GET", "/poll", poll_from_handler, place);
    forker_server_listen(server, "127.0.0.1:0");
    return server;
}

static void result(const char *what, int code)
{
    char line[256];
    snprintf(line, sizeof line, "%s %d\n", what, code);
    tell(line);
}

static void open_all(struct pollfd *polled)
{
    for (int i = 0; i < SERVERS; i++) {
        result("open", forker_server_open(servers[i]));
        polled[i] = (struct pollfd){.fd = forker_server_poll_fd(servers[i]), .events = POLLIN};
    }
}

static void serve(struct pollfd *polled)
{
    for (int left = SERVERS; left > 0 && (poll(polled, SERVERS, -1) >= 0 || errno == EINTR);) {
        for (int i = 0; i < SERVERS; i++) {
            int code = polled[i].fd >= 0 && polled[i].revents != 0 ? forker_server_poll(servers[i], 0) : 1;
            if (code <= 0) {
                result("ended", code);
                polled[i].fd = -1;
                left--;
            }
        }
    }
}

int main(void)
{
    struct pollfd polled[SERVERS];
    program_thread = pthread_self();
    for (int i = 0; i < SERVERS; i++) {
        servers[i] = make(&servers[i]);
        char line[256];
        snprintf(line, sizeof line, "listening %d %s\n", i, forker_server_address(servers[i], 0));
        tell(line);
    }
    result("early poll", forker_server_poll(servers[0], 0));
    result("early fd", forker_server_poll_fd(servers[0]));
    open_all(polled);
    serve(polled);
    open_all(polled);
    forker_server_stop(servers[0], -1);
    int code;
    while ((code = forker_server_poll(servers[0], -1)) > 0) {
    }
    result("again", code);
    forker_server_free(servers[0]);
    forker_server_free(servers[1]);
    tell("freed\n");
    return 0;
}
