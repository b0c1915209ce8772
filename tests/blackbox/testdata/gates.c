/* What the gates say of requests: gates <address> ... Options come from the environment. */
#include "program.h"

#include <stdio.h>

static const char *or_none(const char *text)
{
    return text != NULL ? text : "none";
}

/* "192.0.2.1 https example.org id", and the method. */
static int who(forker_request *req, void *user)
{
    char text[512];
    (void)user;
    snprintf(text, sizeof text, "%s %s %s %s %s", forker_request_client(req, NULL), forker_request_scheme(req, NULL),
             or_none(forker_request_host(req, NULL)), or_none(forker_request_id(req, NULL)),
             forker_request_method(req, NULL));
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "*", "/who", who, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
