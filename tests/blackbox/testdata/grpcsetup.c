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

static int no_method(forker_server *server)
{
    forker_route *route;
    forker_server_route(server, "GET", "/a", handle, NULL, &route);
    return forker_route_set(route, "grpc_max_message", "1k");
}

static int no_size(forker_server *server)
{
    return set(server, "grpc_max_reply", "5g");
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

static int host(forker_server *server)
{
    add(server, "/a.B/C");
    forker_group *api = forker_server_host(server, "api.example.org");
    forker_group_use(api, handle, NULL, NULL);
    forker_group_use(forker_group_group(api, "/a.B"), handle, NULL, NULL);
    forker_server_listen(server, "127.0.0.1:0");
    forker_server_set(server, "h2c", "on");
    return forker_server_run(server);
}

/* A FileDescriptorSet of one file, whose bytes are those of a text. */
static int describe(forker_server *server, const char *file, size_t len)
{
    char set[128] = {0x0a, (char)len};
    memcpy(set + 2, file, len);
    return forker_server_grpc_descriptors(server, set, len + 2);
}

#define DESCRIBE(server, file) describe(server, file, sizeof file - 1)

static int no_set(forker_server *server)
{
    return forker_server_grpc_descriptors(server, "hello", 5);
}

static int file_alone(forker_server *server)
{
    return forker_server_grpc_descriptors(server,
                                          "\x0a\x07"
                                          "a.proto",
                                          9);
}

static int no_bytes(forker_server *server)
{
    return forker_server_grpc_descriptors(server, NULL, 5);
}

static int no_length(forker_server *server)
{
    return forker_server_grpc_descriptors(server, "", 0);
}

static int no_import(forker_server *server)
{
    return DESCRIBE(server, "\x0a\x07"
                            "a.proto"
                            "\x1a\x07"
                            "b.proto");
}

static int no_name(forker_server *server)
{
    return DESCRIBE(server, "\x0a\x07"
                            "a.proto"
                            "\x22\x00");
}

static int other_file(forker_server *server)
{
    int code = DESCRIBE(server, "\x0a\x07"
                                "a.proto"
                                "\x12\x01"
                                "p");
    return code == FORKER_OK ? DESCRIBE(server, "\x0a\x07"
                                                "a.proto")
                             : code;
}

static int other_symbol(forker_server *server)
{
    int code = DESCRIBE(server, "\x0a\x07"
                                "a.proto"
                                "\x12\x01"
                                "p"
                                "\x22\x03\x0a\x01"
                                "M");
    return code == FORKER_OK ? DESCRIBE(server, "\x0a\x07"
                                                "b.proto"
                                                "\x12\x01"
                                                "p"
                                                "\x22\x03\x0a\x01"
                                                "M")
                             : code;
}

/* What was refused is not there: it may come again, as it should be. */
static int again(forker_server *server)
{
    int code = no_import(server);
    if (code == FORKER_E_INVALID && (code = forker_server_clear_error(server)) == FORKER_OK) {
        code = DESCRIBE(server, "\x0a\x07"
                                "b.proto"
                                "\x22\x03\x0a\x01"
                                "M");
    }
    code = code == FORKER_OK ? no_import(server) : code;
    return code == FORKER_OK ? no_import(server) : code;
}

static int say_health(forker_server *server)
{
    return forker_grpc_health(server, "", FORKER_HEALTH_SERVING);
}

static int say_reflection(forker_server *server)
{
    return forker_server_grpc_descriptors(server, NULL, 0);
}

/* A call that enters methods, after the program has entered one of them: it has entered none, and says so each time. */
static int taken(forker_server *server, int (*say)(forker_server *server), const char *one, const char *other)
{
    add(server, one);
    if (say(server) == FORKER_OK || forker_server_clear_error(server) != FORKER_OK || add(server, other) != FORKER_OK) {
        return FORKER_OK;
    }
    return say(server);
}

static int health(forker_server *server)
{
    return taken(server, say_health, "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/List");
}

static int reflection(forker_server *server)
{
    return taken(server, say_reflection, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                 "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
}

/* Nor is there reflection of which the first set was refused. */
static int none(forker_server *server)
{
    int code = no_import(server);
    if (code == FORKER_E_INVALID && (code = forker_server_clear_error(server)) == FORKER_OK) {
        code = add(server, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    }
    return code;
}

int main(void)
{
    static const struct {
        const char *name;
        int (*make)(forker_server *server);
    } mistakes[] = {
        {"malformed", malformed},
        {"kind", kind},
        {"group", group},
        {"twice", twice},
        {"body", body},
        {"max_body", max_body},
        {"no method", no_method},
        {"no size", no_size},
        {"groups", groups},
        {"host", host},
        {"no set", no_set},
        {"file alone", file_alone},
        {"no bytes", no_bytes},
        {"no length", no_length},
        {"no import", no_import},
        {"no name", no_name},
        {"other file", other_file},
        {"other symbol", other_symbol},
        {"again", again},
        {"health", health},
        {"reflection", reflection},
        {"none", none},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        forker_server *server = forker_server_new();
        int code = mistakes[i].make(server);
        printf("%s: %d: %s\n", mistakes[i].name, code, forker_server_error(server));
        forker_server_free(server);
    }
    return 0;
}
