/*
 * Registers as many routes as it is told, with parameters and without: manyroutes <count>. One that is there already is
 * refused.
 */
#include "check.h"

#include <stdlib.h>

static int handler(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, "");
}

int main(int argc, char **argv)
{
    char pattern[64];
    int count = argc > 1 ? atoi(argv[1]) : 0;
    forker_server *server = forker_server_new();
    for (int i = 0; i < count; i++) {
        snprintf(pattern, sizeof pattern, i % 2 == 0 ? "/things/%d/parts" : "/things/%d/:part/*rest", i);
        CHECK_CODE(forker_server_handle(server, i % 3 == 0 ? "GET" : "GET,POST", pattern, handler, NULL), FORKER_OK);
    }
    CHECK_CODE(forker_server_handle(server, "PUT", "/things/1/:other/*name", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "POST,PUT", "/things/1/:third/*more", handler, NULL), FORKER_E_ROUTE);
    CHECK_TEXT(forker_server_error(server), "handle POST,PUT /things/1/:third/*more: GET,POST "
                                            "/things/1/:part/*rest has a handler already");
    forker_server_free(server);
    return check_exit_status();
}
