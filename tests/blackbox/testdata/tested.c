/* What forker_server_test() gives for each kind of answer, and for what is wrong. Checks by itself. */
#include <forker.h>

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"

static int begun, done, closed;

static int respond_text(forker_request *req, const char *text)
{
    return forker_respond(req, 200, "text/plain", text, strlen(text));
}

static int init(forker_server *server, int32_t worker, void *user)
{
    (void)server;
    (void)worker;
    (void)user;
    begun++;
    return FORKER_OK;
}

static int before(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_add(req, "X-Two", "a");
    forker_response_header_add(req, "X-Two", "b");
    return FORKER_NEXT;
}

static void after(forker_request *req, const forker_outcome *outcome, void *user)
{
    (void)req;
    (void)outcome;
    (void)user;
    done++;
}

static int hello(forker_request *req, void *user)
{
    (void)user;
    forker_respond_interim(req, 103, "Link", "</style.css>");
    return respond_text(req, forker_request_peer(req, NULL));
}

static int echo(forker_request *req, void *user)
{
    size_t len;
    const void *body = forker_request_body(req, &len);
    (void)user;
    return forker_respond(req, 200, "text/plain", body, len);
}

static int fail(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_E_INTERNAL;
}

static void on_close(forker_deferred handle, int reason, void *user)
{
    (void)user;
    closed += reason == FORKER_CLOSE_CLIENT;
    forker_deferred_drop(handle);
}

/* Of a thread: answers with a stream, which has a trailer section. */
static void *stream(void *user)
{
    forker_deferred handle = *(forker_deferred *)user;
    free(user);
    forker_stream_begin(handle, -1);
    forker_stream_write(handle, "one ", 4);
    forker_stream_write(handle, "two", 3);
    forker_stream_trailer(handle, "X-Sum", "7");
    forker_stream_end(handle);
    return NULL;
}

static int later(forker_request *req, void *user)
{
    pthread_t thread;
    forker_deferred *handle = malloc(sizeof *handle);
    (void)user;
    if (handle == NULL || forker_request_defer(req, handle) != FORKER_OK ||
        pthread_create(&thread, NULL, stream, handle) != 0) {
        abort();
    }
    (void)pthread_detach(thread);
    return FORKER_DEFERRED;
}

/* Begins a stream of events that does not end, or, with `user`, nothing. */
static int never(forker_request *req, void *user)
{
    forker_deferred handle;
    if (forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    forker_deferred_on_close(handle, on_close, NULL);
    if (user == NULL) {
        forker_sse_begin(handle);
        forker_sse_send(handle, NULL, NULL, "first");
    }
    return FORKER_DEFERRED;
}

/* A callback cannot ask. */
static int inside(forker_request *req, void *user)
{
    forker_answer *answer;
    forker_server *server = forker_request_server(req);
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    (void)user;
    CHECK_CODE(forker_server_test(server, request, strlen(request), 1000, &answer), FORKER_E_STATE);
    CHECK_TEXT(forker_server_error(server), "test: called by a callback of the server");
    return respond_text(req, "inside");
}

static int stop(forker_request *req, void *user)
{
    (void)user;
    forker_server_stop(forker_request_server(req), -1);
    return respond_text(req, "stopping");
}

/* Asks, and wants that code. The answer is to be freed. */
static forker_answer *ask(forker_server *server, const char *request, int32_t timeout_ms, int want)
{
    forker_answer *answer;
    CHECK_CODE(forker_server_test(server, request, strlen(request), timeout_ms, &answer), want);
    return answer;
}

/* Asks for a path, and wants that status and body. */
static void expect(forker_server *server, const char *line, int status, const char *body)
{
    char request[256];
    size_t len;
    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: h\r\n\r\n", line);
    forker_answer *answer = ask(server, request, 60000, FORKER_OK);
    CHECK_CODE(forker_answer_status(answer), status);
    CHECK_TEXT(forker_answer_body(answer, &len), body);
    CHECK(len == strlen(body));
    forker_answer_free(answer);
}

static forker_server *make(void)
{
    forker_server *server = forker_server_new();
    forker_route *route;
    forker_server_set(server, "workers", "0");
    forker_server_on_worker_init(server, init, NULL);
    forker_group *group = forker_server_group(server, "");
    forker_group_use(group, before, after, NULL);
    forker_group_handle(group, "GET", "/hello", hello, NULL);
    forker_group_handle(group, "POST", "/echo", echo, NULL);
    forker_group_route(group, "*", "/pool", hello, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_group_route(group, "POST", "/tiny", echo, NULL, &route);
    forker_route_set(route, "max_body", "10");
    forker_group_route(group, "GET", "/often", hello, NULL, &route);
    forker_route_set(route, "rate_limit", "1/h");
    forker_group_handle(group, "GET", "/fail", fail, NULL);
    forker_group_handle(group, "GET", "/later", later, NULL);
    forker_group_handle(group, "GET", "/never", never, server);
    forker_group_handle(group, "GET", "/events", never, NULL);
    forker_group_handle(group, "GET", "/inside", inside, NULL);
    forker_group_handle(group, "GET", "/stop", stop, NULL);
    return server;
}

static void check_fields(forker_server *server)
{
    size_t len;
    forker_answer *answer = ask(server, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", -1, FORKER_OK);
    CHECK_CODE(forker_answer_status(answer), 200);
    CHECK_TEXT(forker_answer_body(answer, NULL), "unix:");
    CHECK_TEXT(forker_answer_header(answer, "x-two", 0), "a");
    CHECK_TEXT(forker_answer_header(answer, "X-TWO", 1), "b");
    CHECK_TEXT(forker_answer_header(answer, "X-Two", 2), NULL);
    CHECK_TEXT(forker_answer_header(answer, "Link", 0), NULL); /* which the interim response has */
    CHECK_TEXT(forker_answer_header(answer, "Connection", 0), NULL);
    CHECK_TEXT(forker_answer_header(answer, NULL, 0), NULL);
    CHECK(strncmp(forker_answer_text(answer, &len), "HTTP/1.1 103 ", 13) == 0 && len > 100);
    CHECK(begun == 1);
    CHECK(done == 1); /* what comes at the end has come */
    forker_answer_free(answer);
    answer = ask(server, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n", 60000, FORKER_OK);
    CHECK_TEXT(forker_answer_body(answer, NULL), "one two");
    CHECK_TEXT(forker_answer_header(answer, "Transfer-Encoding", 0), "chunked");
    CHECK_TEXT(forker_answer_header(answer, "X-Sum", 0), NULL);
    CHECK_TEXT(forker_answer_trailer(answer, "X-Sum", 0), "7");
    CHECK_TEXT(forker_answer_trailer(answer, "X-Two", 0), NULL);
    forker_answer_free(answer);
    answer = ask(server, "GET /later HTTP/1.0\r\n\r\n", 60000, FORKER_OK);
    CHECK_TEXT(forker_answer_body(answer, NULL), "one two");
    forker_answer_free(answer);
}

static void check_kinds(forker_server *server)
{
    expect(server, "HEAD /hello", 200, "");
    expect(server, "\r\nHEAD /hello", 200, "");
    expect(server, "GET /pool", 200, "unix:");
    expect(server, "GET /often", 200, "unix:");
    expect(server, "GET /often", 429, "429 Too Many Requests\ntoo many requests\n");
    expect(server, "GET /none", 404, "404 Not Found\n");
    expect(server, "OPTIONS /hello", 204, "");
    expect(server, "GET /fail", 500, "500 Internal Server Error\n");
    expect(server, "GET /inside", 200, "inside");
    expect(server, "BAD LINE /hello", 400, "400 Bad Request\nend the request line with HTTP/1.1 or HTTP/1.0\n");
}

/* More than the sockets hold, both ways. */
static void check_large(forker_server *server)
{
    enum { LEN = 3 << 20 };
    static char request[LEN + 128];
    size_t len,
        head = (size_t)snprintf(request, 128, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", LEN);
    forker_answer *answer;
    for (size_t i = 0; i < LEN; i++) {
        request[head + i] = (char)('a' + i % 23);
    }
    CHECK_CODE(forker_server_test(server, request, head + LEN, 60000, &answer), FORKER_OK);
    const char *body = forker_answer_body(answer, &len);
    CHECK(len == LEN && memcmp(body, request + head, LEN) == 0);
    forker_answer_free(answer);
    memcpy(request + 5, "/tiny", 5); /* which is refused at its head */
    CHECK_CODE(forker_server_test(server, request, head + LEN, 60000, &answer), FORKER_OK);
    CHECK_CODE(forker_answer_status(answer), 413);
    forker_answer_free(answer);
}

static void check_late(forker_server *server)
{
    forker_answer *answer = ask(server, "GET /never HTTP/1.1\r\nHost: h\r\n\r\n", 20, FORKER_E_AGAIN);
    CHECK(answer == NULL);
    CHECK_TEXT(forker_server_error(server), "test: there is no answer in time");
    CHECK(closed == 1);
    answer = ask(server, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", 1000, FORKER_E_AGAIN);
    CHECK_TEXT(forker_server_error(server), "test: there is no whole answer in time");
    CHECK_TEXT(forker_answer_header(answer, "Content-Type", 0), "text/event-stream");
    CHECK_TEXT(forker_answer_body(answer, NULL), "data: first\n\n");
    CHECK(closed == 2);
    forker_answer_free(answer);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count;
}

static void check_wrong(forker_server *server)
{
    forker_answer *answer;
    CHECK_CODE(forker_server_test(server, NULL, 1, 0, &answer), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_error(server), "test: there is no request");
    CHECK_CODE(forker_server_test(server, "GET / HTTP/1.1\r\n\r\n", 18, 0, NULL), FORKER_E_INVALID);
    CHECK_TEXT(forker_server_error(server), "test: answer_out is NULL");
    CHECK(ask(server, "GET / HTTP/1.1\r\nHost: h\r\n", 0, FORKER_E_INVALID) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: no empty line ends the head of the request");
    CHECK(ask(server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0, FORKER_E_INVALID) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: requests are of HTTP/1");
}

/* A server that a handler stops is open again with the next question. */
static void check_stop(forker_server *server)
{
    int openings = begun;
    CHECK_CODE(forker_server_handle(server, "GET", "/more", hello, NULL), FORKER_E_STATE);
    expect(server, "GET /stop", 200, "stopping");
    while (forker_server_poll(server, 1000) == 1) {
    }
    CHECK_CODE(forker_server_handle(server, "GET", "/more", hello, NULL), FORKER_OK);
    expect(server, "GET /more", 200, "unix:");
    CHECK(begun == openings + 1);
}

/* So is one that ended while it was asked, with its last connection. */
static void check_end(forker_server *server)
{
    int openings = begun;
    expect(server, "GET /stop", 200, "stopping");
    expect(server, "GET /stop", 200, "stopping");
    expect(server, "GET /hello", 200, "unix:");
    CHECK(begun == openings + 3);
    CHECK_CODE(forker_server_stop(server, -1), FORKER_OK);
    CHECK(ask(server, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 60000, FORKER_E_ABORTED) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: the server has ended the connection without an answer");
    expect(server, "GET /hello", 200, "unix:");
}

/* Those that serve, or would fork. */
static void check_others(void)
{
    forker_server *server = make();
    forker_server_set(server, "workers", "2");
    CHECK(ask(server, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 0, FORKER_E_OPTION) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: option workers must be 0");
    forker_server_set(server, "workers", "0");
    forker_server_listen(server, "127.0.0.1:0");
    CHECK_CODE(forker_server_start(server), FORKER_OK);
    CHECK(ask(server, "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n", 0, FORKER_E_STATE) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: already running");
    forker_server_stop(server, 0);
    CHECK_CODE(forker_server_wait(server, -1), FORKER_OK);
    CHECK_CODE(forker_server_open(server), FORKER_OK); /* by the program itself */
    expect(server, "GET /hello", 200, "unix:");
    forker_server_free(server);
    server = forker_server_new();
    forker_server_set(server, "workers", "0");
    CHECK(ask(server, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0, FORKER_E_STATE) == NULL);
    CHECK_TEXT(forker_server_error(server), "test: no route; call forker_server_handle first");
    forker_server_handle(server, "GET", "/hello", hello, NULL);
    CHECK_CODE(forker_server_open(server), FORKER_E_STATE);
    CHECK_TEXT(forker_server_error(server), "open: no listening socket; call forker_server_listen first");
    forker_server_free(server);
}

int main(void)
{
    forker_server *server = make(), *other = make(), *third = make();
    check_end(third);
    begun = done = 0;
    check_fields(server);
    int descriptors = count_descriptors();
    check_kinds(server);
    check_large(server);
    check_late(server);
    check_wrong(server);
    CHECK(count_descriptors() == descriptors);
    expect(other, "GET /hello", 200, "unix:"); /* beside the first one */
    check_stop(server);
    forker_server_free(server);
    forker_server_free(other);
    forker_server_free(third);
    check_others();
    return check_exit_status();
}
