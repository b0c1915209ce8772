/*
 * Prints back what the server understood of a request, as text: method, target, path, query, fields, body. It
 * shows every accessor of a request, and a response that is built piece by piece. Start it with `build/echo` (or
 * `build/echo 127.0.0.1:9000`) and ask it with `curl --data 'a body' 'http://localhost:8080/a%20path?with=query'`.
 */
#include <forker.h>

#include <stdio.h>
#include <string.h>

/* Appends "label: value" as one line of the body. */
static int put_line(forker_request *req, const char *label, const char *value, size_t len) {
    int err = forker_response_write(req, label, strlen(label));
    if (err == FORKER_OK)
        err = forker_response_write(req, ": ", 2);
    if (err == FORKER_OK)
        err = forker_response_write(req, value, len);
    if (err == FORKER_OK)
        err = forker_response_write(req, "\n", 1);
    return err;
}

static int put_fields(forker_request *req) {
    size_t count = forker_request_header_count(req);
    int err = FORKER_OK;
    for (size_t i = 0; i < count && err == FORKER_OK; i++) {
        const char *name = NULL, *value = NULL;
        err = forker_request_header_at(req, i, &name, &value);
        if (err == FORKER_OK)
            err = forker_response_write(req, "field ", 6);
        if (err == FORKER_OK)
            err = put_line(req, name, value, strlen(value));
    }
    return err;
}

/* The pieces of a request that are text of their own: a label and the accessor for it. */
static const struct {
    const char *label;
    const char *(*get)(forker_request *req, size_t *len_out);
} pieces[] = {
    {"method", forker_request_method}, {"target", forker_request_target}, {"path", forker_request_path},
    {"query", forker_request_query},   {"peer", forker_request_peer},
};

static int echo(forker_request *req, void *user) {
    (void)user;
    size_t len = 0;
    int err = forker_response_header_set(req, "Content-Type", "text/plain");
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0] && err == FORKER_OK; i++) {
        const char *text = pieces[i].get(req, &len);
        err = put_line(req, pieces[i].label, text, len);
    }
    if (err == FORKER_OK)
        err = put_fields(req);
    if (err == FORKER_OK) {
        const char *body = forker_request_body(req, &len);
        err = put_line(req, "body", body, len);
    }
    return err; /* a negative result is a logged 500, and drops what was written */
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_server_handle(srv, "*", "/*path", echo, NULL);
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    int result = forker_server_run(srv);
    if (result != FORKER_OK)
        fprintf(stderr, "echo: %s\n", forker_server_error(srv));
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
