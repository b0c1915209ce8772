/*
 * A program that has set a locale: locale <locale> <address>. Its handler tells what the library makes of names whose
 * letters have other cases there.
 */
#include "program.h"

#include <locale.h>

static int look(forker_request *req, void *user)
{
    char text[256];
    (void)user;
    int if_match = forker_request_header(req, "If-Match", NULL) != NULL;
    int length = forker_response_header_set(req, "CONTENT-LENGTH", "1");
    int coding = forker_response_header_set(req, "transfer-encodIng", "x");
    forker_response_header_set(req, "X-Id", "1");
    forker_response_header_set(req, "X-ID", "2");
    forker_response_header_set(req, "CONNECTION", "CLOSE");
    snprintf(text, sizeof text, "if-match %d, length %d, coding %d", if_match, length, coding);
    return response_text(req, text);
}

/* A number has a point in it, not the comma of the locale. */
static int read_number(forker_request *req, void *user)
{
    double number;
    (void)user;
    int code = forker_arg_double(req, FORKER_FROM_QUERY, "x", 0.25, 0.75, 0, &number);
    return response_text(req, code != FORKER_OK ? forker_request_error(req) : number == 0.5 ? "a half" : "another");
}

int main(int argc, char **argv)
{
    if (argc != 3 || setlocale(LC_ALL, argv[1]) == NULL) {
        tell("there is no such locale\n");
        return 2;
    }
    forker_server *server = forker_server_new();
    if (forker_server_handle(server, "options", "/", look, NULL) != FORKER_E_ROUTE) {
        tell("a standard method in lower case is taken for another one\n");
    }
    forker_server_free(server); /* run would refuse to start after that */

    server = forker_server_new();
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_handle(server, "GET", "/", look, NULL);
    forker_server_handle(server, "GET", "/number", read_number, NULL);
    forker_server_listen(server, argv[2]);
    tell("idle_timeout ");
    tell(forker_server_get(server, "idle_timeout"));
    tell("\n");
    return serve_to_end(server);
}
