/*
 * Methods of gRPC, each for one thing that a program can do with a call: grpc <address>
 *
 * Messages are plain text.
 */
#include "program.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static forker_server *user_server;
static pthread_t main_thread; /* a child's too */

static int reply(forker_request *req, const char *text)
{
    return forker_grpc_reply(req, text, strlen(text));
}

static int say(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    (void)user;
    return forker_grpc_reply(req, message, len);
}

static int pack(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    void *room = forker_grpc_reserve(req, len + 10);
    (void)user;
    if (room == NULL || forker_grpc_commit(req, len + 11) != FORKER_E_INVALID) {
        return FORKER_E_INTERNAL;
    }
    memcpy(room, message, len);
    return forker_grpc_commit(req, len);
}

/* Fails with the code that metadata names, and details if there are some. */
static int fail(forker_request *req, void *user)
{
    size_t len;
    const char *code = forker_grpc_metadata(req, "code", NULL);
    const void *details = forker_grpc_metadata(req, "details-bin", &len);
    (void)user;
    if (details != NULL && forker_grpc_details(req, details, len) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return forker_grpc_fail(req, code != NULL ? atoi(code) : 0, forker_grpc_message(req, NULL));
}

/* Replies with a message that is sent along with its head, and as much metadata around it as there can be. */
static int most(forker_request *req, void *user)
{
    char value[1000], message[16000];
    (void)user;
    memset(value, '!', sizeof value); /* which HPACK cannot make shorter */
    memset(message, 'm', sizeof message);
    while (forker_grpc_metadata_add(req, "x-before", value, sizeof value) == FORKER_OK) {
    }
    while (forker_grpc_trailer_add(req, "x-behind", value, sizeof value) == FORKER_OK) {
    }
    return forker_grpc_message(req, NULL) != NULL && *(const char *)forker_grpc_message(req, NULL) == 'f'
               ? forker_grpc_fail(req, 9, "m")
               : forker_grpc_reply(req, message, sizeof message);
}

/* Sends the client's metadata back, before and behind the message. */
static int meta(forker_request *req, void *user)
{
    size_t text_len, bytes_len;
    const void *text = forker_grpc_metadata(req, "x-text", &text_len);
    const void *bytes = forker_grpc_metadata(req, "x-bytes-bin", &bytes_len);
    (void)user;
    if (text == NULL || bytes == NULL) {
        return forker_grpc_fail(req, 3, forker_request_error(req));
    }
    if (forker_grpc_metadata_add(req, "x-text", text, text_len) != FORKER_OK ||
        forker_grpc_metadata_add(req, "x-bytes-bin", bytes, bytes_len) != FORKER_OK ||
        forker_grpc_trailer_add(req, "x-last", text, text_len) != FORKER_OK ||
        forker_grpc_trailer_add(req, "x-last-bin", bytes, bytes_len) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return reply(req, "");
}

static char told[4096];

/* "<code>: <sentence>" of a call that has failed. */
static void note(forker_request *req, int code)
{
    size_t len = strlen(told);
    snprintf(told + len, sizeof told - len, "%d: %s\n", code, forker_request_error(req));
}

/* What must not be done. */
static int wrong(forker_request *req, void *user)
{
    (void)user;
    told[0] = '\0';
    note(req, forker_grpc_metadata_add(req, "grpc-status", "0", 1));
    note(req, forker_grpc_metadata_add(req, "content-type", "0", 1));
    note(req, forker_grpc_metadata_add(req, "a b", "0", 1));
    note(req, forker_grpc_metadata_add(req, "text", "\n", 1));
    note(req, forker_grpc_metadata_add(req, NULL, "", 0));
    note(req, forker_grpc_trailer_add(req, "text", NULL, 1));
    note(req, forker_grpc_details(req, NULL, 1));
    note(req, forker_grpc_fail(req, 0, "fine"));
    note(req, forker_grpc_fail(req, 17, NULL));
    note(req, forker_grpc_commit(req, 1));
    note(req, forker_grpc_reply(req, NULL, 1));
    int code = reply(req, "wrong");
    note(req, forker_grpc_reply(req, "again", 5));
    note(req, forker_grpc_fail(req, 3, "again"));
    note(req, forker_grpc_trailer_add(req, "late", "0", 1));
    note(req, forker_grpc_reserve(req, 1) == NULL ? -3 : 0);
    return code;
}

/* Replies with more than option grpc_max_reply, and then with what it is told of that. */
static int over(forker_request *req, void *user)
{
    char bytes[2000] = "";
    (void)user;
    told[0] = '\0';
    note(req, forker_grpc_reply(req, bytes, sizeof bytes));
    note(req, forker_grpc_reserve(req, sizeof bytes) == NULL ? FORKER_E_LIMIT : 0);
    return reply(req, told);
}

/* The same through a handle. */
static int wrong_later(forker_request *req, void *user)
{
    forker_deferred handle;
    char first[128], second[128], text[300];
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_grpc_send(handle, NULL, 1) != FORKER_E_INVALID ||
        forker_deferred_error(handle, first, sizeof first) != FORKER_OK ||
        forker_grpc_finish(handle, 17, NULL) != FORKER_E_INVALID ||
        forker_deferred_error(handle, second, sizeof second) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    snprintf(text, sizeof text, "%s; %s", first, second);
    reply(req, text);
    forker_deferred_send(handle);
    return FORKER_DEFERRED;
}

static int tell_wrong(forker_request *req, void *user)
{
    (void)user;
    return reply(req, told);
}

/* Replies after its deadline, and keeps what it is told then. */
static int late(forker_request *req, void *user)
{
    (void)user;
    told[0] = '\0';
    while (forker_grpc_remaining(req) > 0) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    int code = reply(req, "late");
    note(req, code);
    return code;
}

static int remaining(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    int64_t left = forker_grpc_remaining(req);
    snprintf(text, sizeof text, "%lld", (long long)(left == INT64_MAX ? -1 : left));
    return reply(req, text);
}

/* Returns what `user` points to. */
static int give(forker_request *req, void *user)
{
    (void)req;
    return *(const int *)user;
}

static void *answer_later(void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    forker_request *req = forker_deferred_request(handle);
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    if (forker_grpc_reply(req, message, len) != FORKER_OK || forker_deferred_send(handle) != FORKER_OK) {
        tell("answer_later failed\n");
    }
    return NULL;
}

static int later(forker_request *req, void *user)
{
    forker_deferred handle;
    pthread_t thread;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        pthread_create(&thread, NULL, answer_later, (void *)(uintptr_t)handle) != 0) {
        return FORKER_E_INTERNAL;
    }
    pthread_detach(thread);
    return FORKER_DEFERRED;
}

static void tell_close(forker_deferred handle, int reason, void *user)
{
    char line[64];
    (void)user;
    snprintf(line, sizeof line, "closed %d\n", reason);
    tell(line);
    forker_deferred_drop(handle);
}

static int never(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_deferred_on_close(handle, tell_close, NULL)) {
        return FORKER_E_INTERNAL;
    }
    tell("never\n");
    return FORKER_DEFERRED;
}

/* ---------------------------------------------------------------------------------------------------------- streams */

/* A call whose messages go out one after the other. */
typedef struct {
    forker_deferred handle;
    char *text;    /* what is sent, */
    size_t len;    /* so many bytes, */
    size_t left;   /* so many times more; */
    bool finishes; /* then the call ends */
} sending;

static void free_sending(sending *s)
{
    free(s->text);
    free(s);
}

static void go_on(forker_deferred handle, void *user)
{
    sending *s = user;
    int code = FORKER_OK;
    while (s->left > 0 && (code = forker_grpc_send(handle, s->text, s->len)) == FORKER_OK) {
        s->left--;
    }
    if (s->left == 0) {
        forker_grpc_finish(handle, 0, "all sent");
    } else if (code != FORKER_OK && code != FORKER_E_AGAIN) {
        char text[256];
        forker_deferred_error(handle, text, sizeof text);
        forker_grpc_finish(handle, 8, text);
    }
}

static void end_sending(forker_deferred handle, int reason, void *user)
{
    sending *s = user;
    char line[64];
    snprintf(line, sizeof line, "stream closed %d, %d to go\n", reason, s->left > 0);
    tell(line);
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
    free_sending(s);
}

static void *go_on_thread(void *user)
{
    sending *s = user;
    for (; s->left > 0; s->left--) {
        int code;
        while ((code = forker_grpc_send(s->handle, s->text, s->len)) == FORKER_E_AGAIN) {
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        }
        if (code != FORKER_OK) {
            break;
        }
    }
    forker_grpc_finish(s->handle, 0, NULL);
    free_sending(s);
    return NULL;
}

/* Sends the message as often as metadata says: on drain, or if `user` is set by a thread. */
static int many(forker_request *req, void *user)
{
    size_t len;
    const void *message = forker_grpc_message(req, &len);
    const char *times = forker_grpc_metadata(req, "times", NULL);
    sending *s = calloc(1, sizeof *s);
    pthread_t thread;
    if (s == NULL || forker_request_defer(req, &s->handle) != FORKER_OK) {
        free(s);
        return FORKER_E_MEMORY;
    }
    s->text = malloc(len + 1);
    memcpy(s->text, message, len);
    s->len = len;
    s->left = times != NULL ? (size_t)atol(times) : 0;
    forker_grpc_metadata_add(req, "x-before", "first", 5);
    forker_grpc_trailer_add(req, "x-behind", "last", 4);
    if (user != NULL) {
        pthread_create(&thread, NULL, go_on_thread, s);
        pthread_detach(thread);
        return FORKER_DEFERRED;
    }
    forker_deferred_on_close(s->handle, end_sending, s);
    forker_stream_on_drain(s->handle, go_on, s);
    go_on(s->handle, s);
    return FORKER_DEFERRED;
}

/* Writes what is no message between messages, and ends the call with what it is told of that. */
static int mixed(forker_request *req, void *user)
{
    char text[256], sentence[200];
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_grpc_send(handle, "message", 7) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    int code = forker_stream_write(handle, "\x01\xff\xff\xff\xff", 5);
    forker_deferred_error(handle, sentence, sizeof sentence);
    snprintf(text, sizeof text, "%d: %s", code, sentence);
    forker_grpc_finish(handle, 2, text);
    return FORKER_DEFERRED;
}

/* Sends a message to a stream of bytes, and writes what it is told of that. */
static int raw(forker_request *req, void *user)
{
    char text[256], sentence[200];
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK || forker_stream_begin(handle, -1) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    int code = forker_grpc_send(handle, "message", 7);
    forker_deferred_error(handle, sentence, sizeof sentence);
    snprintf(text, sizeof text, "%d: %s", code, sentence);
    forker_stream_write(handle, text, strlen(text));
    forker_stream_end(handle);
    return FORKER_DEFERRED;
}

/* Begins the response, and ends the call without a message when the client has closed its side. */
static int end_begun(forker_request *req, const void *data, size_t len, int last, void *user)
{
    (void)req;
    (void)data;
    (void)len;
    if (last != 0) {
        forker_grpc_finish((forker_deferred)(uintptr_t)user, 9, "ended");
    }
    return FORKER_OK;
}

static int begin(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_grpc_on_message(req, end_begun, (void *)(uintptr_t)handle) != FORKER_OK ||
        forker_grpc_metadata_add(req, "x-before", "first", 5) != FORKER_OK || forker_grpc_begin(handle) != FORKER_OK ||
        forker_grpc_begin(handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* What has come of a call. */
typedef struct {
    forker_deferred handle; /* 0: none */
    size_t count, bytes;
} taken;

static int add_up(forker_request *req, const void *data, size_t len, int last, void *user)
{
    taken *t = user;
    char text[64];
    if (last == 0) {
        t->count++;
        t->bytes += len;
        return len == 4 && memcmp(data, "stop", 4) == 0 ? forker_grpc_fail(req, 10, "stopped") : FORKER_OK;
    }
    snprintf(text, sizeof text, "%zu messages, %zu bytes%s", t->count, t->bytes, data != NULL ? ", and data" : "");
    free(t);
    if (last < 0) {
        tell("aborted\n");
        return FORKER_OK;
    }
    return reply(req, text);
}

/* Counts messages, without a handle. */
static int count(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_on_message(req, add_up, calloc(1, sizeof(taken)));
}

static void resume(forker_server *server, void *user)
{
    (void)server;
    forker_deferred_resume((forker_deferred)(uintptr_t)user);
}

/* Sends each message back at once. "pause" pauses until the next turn of the loop; "end" ends the call. */
static int send_back(forker_request *req, const void *data, size_t len, int last, void *user)
{
    forker_deferred handle = (forker_deferred)(uintptr_t)user;
    if (last < 0) {
        tell("aborted\n");
        return FORKER_OK;
    }
    if (last > 0) {
        forker_grpc_finish(handle, 0, NULL);
        return FORKER_OK;
    }
    if (len == 5 && memcmp(data, "pause", 5) == 0) {
        forker_request_pause(req);
        forker_server_post(user_server, resume, user);
    }
    if (len == 3 && memcmp(data, "end", 3) == 0) {
        forker_grpc_finish(handle, 11, "ended");
        return FORKER_OK;
    }
    forker_grpc_send(handle, data, len);
    return FORKER_OK;
}

static void use_up(forker_deferred handle, int reason, void *user)
{
    char line[64];
    (void)user;
    snprintf(line, sizeof line, "chat closed %d\n", reason);
    tell(line);
    if (reason != FORKER_CLOSE_DONE) {
        forker_deferred_drop(handle);
    }
}

static int chat(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_defer(req, &handle) != FORKER_OK ||
        forker_deferred_on_close(handle, use_up, NULL) != FORKER_OK ||
        forker_grpc_on_message(req, send_back, (void *)(uintptr_t)handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    return FORKER_DEFERRED;
}

/* Fails before it takes a message. */
static int refuse(forker_request *req, void *user)
{
    (void)user;
    return forker_grpc_fail(req, 7, "not you");
}

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
    forker_server_grpc(server, "/test.Echo/Mixed", FORKER_GRPC_SERVER_STREAM, mixed, NULL);
    forker_server_grpc(server, "/test.Echo/Begin", FORKER_GRPC_BIDI, begin, NULL);
    forker_server_grpc(server, "/test.Echo/Count", FORKER_GRPC_CLIENT_STREAM, count, NULL);
    forker_server_grpc(server, "/test.Echo/Chat", FORKER_GRPC_BIDI, chat, NULL);
    forker_server_grpc(server, "/test.Echo/Refuse", FORKER_GRPC_BIDI, refuse, NULL);
    forker_server_handle(server, "*", "/plain", plain, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argc > 1 ? argv[1] : "127.0.0.1:0");
    return serve_to_end(server);
}
