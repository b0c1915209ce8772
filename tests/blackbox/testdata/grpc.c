/*
 * Methods of gRPC, each for one thing that a program can do with a call: grpc <address>
 *
 * Messages are plain text.
 */
#include "grpccompress.h"
#include "grpcstream.h"
#include "grpcunary.h"

static pthread_t main_thread; /* a child's too */

/* Tells whether it is called on the main thread. */
static int thread(forker_request *req, void *user)
{
    (void)user;
    return reply(req, pthread_equal(pthread_self(), main_thread) ? "main" : "other");
}

/* Makes the health of a service what the message says, "<name> <status>", and tells what that gives. */
static int health(forker_request *req, void *user)
{
    char text[300] = "", name[256] = "", code[16];
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    int status = -1;
    memcpy(text, message, len < sizeof text ? len : sizeof text - 1);
    sscanf(text, "%255s %d", name, &status);
    snprintf(code, sizeof code, "%d", forker_grpc_health(user, strcmp(name, "all") == 0 ? "" : name, status));
    return reply(req, code);
}

/* Lets only calls pass that have a key. */
static int guard(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_metadata(req, "key", NULL) != NULL ? FORKER_NEXT : forker_grpc_fail(req, 16, "no key");
}

/* Methods of a service whose messages are small, but for those of one. */
static void add_small(forker_server *server)
{
    forker_group *small = forker_server_group(server, "/test.Small");
    forker_route *route;
    forker_server_grpc(server, "/test.Small/Say", FORKER_GRPC_UNARY, say, NULL);
    forker_server_grpc(server, "/test.Small/Many", FORKER_GRPC_SERVER_STREAM, many, NULL);
    forker_server_grpc(server, "/test.Small/Count", FORKER_GRPC_CLIENT_STREAM, count, NULL);
    forker_group_grpc(small, "/Chat", FORKER_GRPC_BIDI, chat, NULL);
    forker_server_grpc(server, "/test.Small/Over", FORKER_GRPC_UNARY, over, NULL);
    if (forker_group_set(small, "grpc_max_message", "1000") != FORKER_OK ||
        forker_group_set(small, "grpc_max_reply", "1500") != FORKER_OK ||
        forker_group_set(small, "grpc_compress", "100") != FORKER_OK ||
        forker_group_set(small, "cors_origins", "https://small.example") != FORKER_OK ||
        forker_server_grpc_route(server, "/test.Small/Large", FORKER_GRPC_SERVER_STREAM, many, NULL, &route) !=
            FORKER_OK ||
        forker_route_set(route, "grpc_max_message", "5m") != FORKER_OK) {
        tell("no small methods\n");
    }
}

/* Methods below a prefix that is guarded, though they are the server's, and a method with options of its own. */
static void add_routes(forker_server *server)
{
    static const int negative = FORKER_E_INVALID;
    forker_route *route;
    forker_server_grpc(server, "/test.Guarded/Say", FORKER_GRPC_UNARY, say, NULL);
    forker_server_grpc(server, "/test.Guarded/Many", FORKER_GRPC_SERVER_STREAM, many, NULL);
    forker_server_grpc(server, "/test.Guarded/Count", FORKER_GRPC_CLIENT_STREAM, count, NULL);
    forker_server_grpc(server, "/test.Guarded/Chat", FORKER_GRPC_BIDI, chat, NULL);
    forker_server_grpc(server, "/test.Guarded/Negative", FORKER_GRPC_UNARY, give, (void *)&negative);
    forker_group *guarded = forker_server_group(server, "/test.Guarded");
    forker_group_use(guarded, guard, NULL, NULL);
    forker_group_grpc(guarded, "/Inside", FORKER_GRPC_UNARY, say, NULL);
    forker_group_use(forker_group_group(forker_server_group(server, ""), "/:service/Any"), guard, NULL, NULL);
    forker_server_grpc(server, "/test.Elsewhere/Any", FORKER_GRPC_UNARY, say, NULL);
    forker_server_grpc(server, "/test.Elsewhere/AnyOther", FORKER_GRPC_UNARY, say, NULL);
    add_small(server);
    if (forker_server_grpc_route(server, "/test.Pooled/Thread", FORKER_GRPC_UNARY, thread, NULL, &route) != FORKER_OK ||
        forker_route_set(route, "dispatch", "pool") != FORKER_OK ||
        forker_server_grpc_route(server, "/test.Inline/Thread", FORKER_GRPC_UNARY, thread, NULL, &route) != FORKER_OK ||
        forker_route_set(route, "dispatch", "inline") != FORKER_OK ||
        forker_group_set(forker_server_group(server, "/test.Inline"), "body", "stream") != FORKER_OK) {
        tell("no routes\n");
    }
}

/* Has reflection tell of the descriptors in a file. */
static void describe(forker_server *server, const char *path)
{
    static char set[1 << 16];
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    size_t len = file != NULL ? fread(set, 1, sizeof set, file) : 0;
    if (file != NULL) {
        fclose(file);
        if (forker_server_grpc_descriptors(server, set, len) != FORKER_OK) {
            tell("no descriptors\n");
        }
    }
}

static int plain(forker_request *req, void *user)
{
    (void)user;
    told[0] = '\0';
    if (forker_grpc_reply(req, "", 0) == FORKER_OK) {
        return FORKER_OK;
    }
    note(req, FORKER_E_STATE);
    return response_text(req, forker_grpc_message(req, NULL) == NULL ? told : "a message");
}

int main(int argc, char **argv)
{
    static const int next = FORKER_NEXT, negative = FORKER_E_INVALID, limit = FORKER_E_LIMIT, ok = FORKER_OK;
    static const struct {
        const char *method;
        forker_handler handler;
        const int *result;
    } methods[] = {
        {"/test.Echo/Say", say, NULL},
        {"/test.Echo/Pack", pack, NULL},
        {"/test.Echo/Fail", fail, NULL},
        {"/test.Echo/Meta", meta, NULL},
        {"/test.Echo/Wrong", wrong, NULL},
        {"/test.Echo/TellWrong", tell_wrong, NULL},
        {"/test.Echo/WrongLater", wrong_later, NULL},
        {"/test.Echo/Late", late, NULL},
        {"/test.Echo/Remaining", remaining, NULL},
        {"/test.Echo/Later", later, NULL},
        {"/test.Echo/Never", never, NULL},
        {"/test.Echo/Next", give, &next},
        {"/test.Echo/Negative", give, &negative},
        {"/test.Echo/Limit", give, &limit},
        {"/test.Echo/Nothing", give, &ok},
        {"/test.Echo/Most", most, NULL},
        {"/test.Echo/Raw", raw, NULL},
        {"/test.Echo/TooEarly", too_early, NULL},
        {"/test.Echo/TooLate", never_too_late, NULL},
        {"/test.Echo/Wish", wish, NULL},
        {"/test.Echo/WishLater", wish, &ok},
    };
    forker_server *server = forker_server_new();
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        forker_server_grpc(server, methods[i].method, FORKER_GRPC_UNARY, methods[i].handler, (void *)methods[i].result);
    }
    user_server = server;
    main_thread = pthread_self();
    add_routes(server);
    describe(server, getenv("FORKER_TEST_DESCRIPTORS"));
    forker_grpc_health(server, "test.Echo", FORKER_HEALTH_SERVING);
    forker_grpc_health(server, "test.Late", FORKER_HEALTH_UNKNOWN);
    forker_server_grpc(server, "/test.Echo/Health", FORKER_GRPC_UNARY, health, server);
    forker_server_grpc(server, "/test.Echo/Many", FORKER_GRPC_SERVER_STREAM, many, NULL);
    forker_server_grpc(server, "/test.Echo/ManyLater", FORKER_GRPC_SERVER_STREAM, many, server);
    forker_server_grpc(server, "/test.Echo/Quiet", FORKER_GRPC_SERVER_STREAM, quiet, NULL);
    forker_server_grpc(server, "/test.Echo/Mixed", FORKER_GRPC_SERVER_STREAM, mixed, NULL);
    forker_server_grpc(server, "/test.Echo/Begin", FORKER_GRPC_BIDI, begin, NULL);
    forker_server_grpc(server, "/test.Echo/Count", FORKER_GRPC_CLIENT_STREAM, count, NULL);
    forker_server_grpc(server, "/test.Echo/CountTooEarly", FORKER_GRPC_CLIENT_STREAM, too_early, NULL);
    forker_server_grpc(server, "/test.Echo/Chat", FORKER_GRPC_BIDI, chat, NULL);
    forker_server_grpc(server, "/test.Echo/WishChat", FORKER_GRPC_BIDI, wish_chat, NULL);
    forker_server_grpc(server, "/test.Echo/Refuse", FORKER_GRPC_BIDI, refuse, NULL);
    forker_server_handle(server, "*", "/plain", plain, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    return serve_to_end(server);
}
