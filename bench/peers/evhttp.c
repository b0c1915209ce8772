/* libevent's evhttp: one thread, one event loop. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "responses.h"

static const char *directory;

static void add_body(struct evhttp_request *req, struct evbuffer *out)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    const response *found = find_response(path, strlen(path));
    if (evhttp_request_get_command(req) == EVHTTP_REQ_POST) {
        evbuffer_add_printf(out, "%zu", evbuffer_get_length(evhttp_request_get_input_buffer(req)));
    } else if (found != NULL) {
        evbuffer_add_reference(out, found->data, found->len, NULL, NULL);
    } else {
        char name[4096];
        (void)snprintf(name, sizeof name, "%s/files/1m", directory);
        evbuffer_add_file(out, open(name, O_RDONLY | O_CLOEXEC), 0, RESPONSE_MOST);
    }
}

static void serve(struct evhttp_request *req, void *user)
{
    struct evkeyvalq *fields = evhttp_request_get_output_headers(req);
    (void)user;
    evhttp_add_header(fields, "Server", "evhttp");
    evhttp_add_header(fields, "Content-Type", RESPONSE_TYPE);
    struct evbuffer *out = evbuffer_new();
    add_body(req, out);
    evhttp_send_reply(req, 200, "OK", out);
    evbuffer_free(out);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    fill_responses();
    directory = argv[3];
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    struct evhttp *http = evhttp_new(base);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, NULL, NULL, LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
                                4096, (struct sockaddr *)&address, sizeof address);
    if (listener == NULL) {
        return 1;
    }
    int on = 1;
    setsockopt(evconnlistener_get_fd(listener), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    evhttp_bind_listener(http, listener);
    evhttp_set_gencb(http, serve, NULL);
    return event_base_dispatch(base);
}
