/* libforker as the benchmark runs it. */
#include <forker.h>

#include "answers.h"

static int respond(forker_request *req, void *user)
{
    const answer *text = user;
    return forker_respond(req, 200, ANSWER_TYPE, text->data, text->len);
}

static int count_upload(forker_request *req, void *user)
{
    char text[32];
    size_t len;
    (void)user;
    (void)forker_request_body(req, &len);
    int digits = snprintf(text, sizeof text, "%zu", len);
    return forker_respond(req, 200, ANSWER_TYPE, text, (size_t)digits);
}

int main(int argc, char **argv)
{
    char address[32];
    if (argc != 4) {
        fprintf(stderr, "usage: libforker PORT CONNECTIONS DIRECTORY\n");
        return 2;
    }
    fill_answers();
    (void)snprintf(address, sizeof address, "127.0.0.1:%s", argv[1]);
    forker_server *srv = forker_server_new();
    for (int i = 0; i < ANSWERS; i++) {
        forker_server_handle(srv, "GET", answers[i].path, respond, &answers[i]);
    }
    forker_server_handle(srv, "POST", "/upload", count_upload, NULL);
    forker_server_listen(srv, address);
    int result = forker_server_run(srv);
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
