/* Mistakes with methods of gRPC, and what is said of each. */
#include "program.h"

static int handle(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int add(forker_server *server, const char *method)
{
    return forker_server_grpc(server, method, FORKER_GRPC_UNARY, handle, NULL);
}

static int malformed(forker_server *server)
{
    return add(server, "a.B/C");
}

static int kind(forker_server *server)
{
    return forker_server_grpc(server, "/a.B/C", FORKER_GRPC_BIDI + 1, handle, NULL);
}

static int group(forker_server *server)
{
    return forker_group_grpc(forker_server_group(server, "/a"), "/b/C", FORKER_GRPC_UNARY, handle, NULL);
}

static int twice(forker_server *server)
{
    add(server, "/a.B/C");
    return add(server, "/a.B/C");
}

static int set(forker_server *server, const char *name, const char *value)
{
    forker_route *route;
    forker_server_grpc_route(server, "/a.B/C", FORKER_GRPC_UNARY, handle, NULL, &route);
    return forker_route_set(route, name, value);
}

static int body(forker_server *server)
{
    return set(server, "body", "buffer");
}

static int max_body(forker_server *server)
{
    return set(server, "max_body", "1k");
}

static int groups(forker_server *server)
{
    add(server, "/a.B/C");
    forker_group_use(forker_server_group(server, "/a.B"), handle, NULL, NULL);
    forker_group_use(forker_server_group(server, "/:any"), handle, NULL, NULL);
    forker_server_listen(server, "127.0.0.1:0");
    forker_server_set(server, "h2c", "on");
    return forker_server_run(server);
}

int main(void)
{
    static const struct {
        const char *name;
        int (*make)(forker_server *server);
    } mistakes[] = {
        {"malformed", malformed}, {"kind", kind},         {"group", group},   {"twice", twice},
        {"body", body},           {"max_body", max_body}, {"groups", groups},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        forker_server *server = forker_server_new();
        int code = mistakes[i].make(server);
        printf("%s: %d: %s\n", mistakes[i].name, code, forker_server_error(server));
        forker_server_free(server);
    }
    return 0;
}
