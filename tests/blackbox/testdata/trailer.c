/* Shows trailer fields: trailer <address>. */
#include "program.h"

static int show(forker_request *req, void *user)
{
    char text[1024];
    size_t len = 0;
    size_t sum_len = 99;
    (void)user;
    for (size_t i = 0; i < forker_request_trailer_count(req); i++) {
        const char *name = NULL;
        const char *value = NULL;
        if (forker_request_trailer_at(req, i, &name, &value) != FORKER_OK) {
            return FORKER_E_INTERNAL;
        }
        len += (size_t)snprintf(text + len, sizeof text - len, "%s=%s ", name, value);
    }
    const char *sum = forker_request_trailer(req, "x-SUM", &sum_len);
    const char *header = forker_request_header(req, "X-Sum", NULL);
    snprintf(text + len, sizeof text - len, "first %s (%zu), in header %s, body %s", sum != NULL ? sum : "none",
             sum_len, header != NULL ? header : "none", forker_request_body(req, NULL));
    return response_text(req, text);
}

/* What the functions say where there is nothing. */
static int edges(forker_request *req, void *user)
{
    char text[128];
    size_t len = 99;
    const char *none = forker_request_trailer(req, NULL, &len);
    (void)user;
    snprintf(text, sizeof text, "%d %zu %d %d %d %d", none == NULL, len,
             forker_request_trailer(NULL, "a", NULL) == NULL, (int)forker_request_trailer_count(NULL),
             forker_request_trailer_at(NULL, 0, NULL, NULL),
             forker_request_trailer_at(req, forker_request_trailer_count(req), NULL, NULL));
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "POST", "/", show, NULL);
    forker_server_handle(server, "POST", "/edges", edges, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
