/*
 * Checks the functions of a request and of a response where they are called, inside a handler: accessors <address>. Each
 * route expects one certain request of accessors_test.go; a failed check is a line on stderr and a 500.
 */
#include "check.h"

#include <stdlib.h>

static int response_checked(forker_request *req)
{
    int failed = check_exit_status();
    check_failures = 0;
    return failed ? forker_respond_error(req, 500, "a check failed") : FORKER_OK;
}

static int check_request(forker_request *req, void *user)
{
    size_t len = 0;
    (void)user;
    CHECK_TEXT(forker_request_method(req, &len), "POST");
    CHECK(len == 4);
    CHECK_TEXT(forker_request_target(req, &len), "/request/a%20b//../%2e/c?x=1&y=a+b%21&z&x=2&n=%00%zz");
    CHECK(len == 52);
    CHECK_TEXT(forker_request_path(req, &len), "/request/a b/c");
    CHECK(len == 14);
    CHECK_TEXT(forker_request_query(req, NULL), "x=1&y=a+b%21&z&x=2&n=%00%zz");
    CHECK_TEXT(forker_request_query_param(req, "x", NULL), "1");
    CHECK_TEXT(forker_request_query_param(req, "y", &len), "a b!");
    CHECK(len == 4);
    CHECK_TEXT(forker_request_query_param(req, "z", NULL), "");
    CHECK_TEXT(forker_request_query_param(req, "w", &len), NULL);
    CHECK(len == 0);
    const char *with_nul = forker_request_query_param(req, "n", &len);
    CHECK(len == 4 && memcmp(with_nul, "\0%zz", 5) == 0);
    CHECK_TEXT(forker_request_query_param(req, NULL, NULL), NULL);
    CHECK_TEXT(forker_request_param(req, "rest", &len), "a b/c");
    CHECK(len == 5);
    CHECK_TEXT(forker_request_param(req, "other", NULL), NULL);
    CHECK_TEXT(forker_request_param(req, NULL, NULL), NULL);
    CHECK_CODE(forker_request_version(req), 11);
    CHECK_CODE(forker_request_worker(req), 0);
    CHECK(strncmp(forker_request_peer(req, &len), "127.0.0.1:", 10) == 0);
    CHECK(len == strlen(forker_request_peer(req, NULL)));
    CHECK_TEXT(forker_request_body(req, &len), "the body");
    CHECK(len == 8);
    int code = response_text(req, "fine");
    return check_failures > 0 || code != FORKER_OK ? FORKER_E_INTERNAL : FORKER_OK;
}

/* The authority of a target in absolute-form stands in it, and the path begins right behind. */
static int check_authority(forker_request *req, void *user)
{
    const char *name, *value, *host = forker_request_header(req, "Host", NULL);
    (void)user;
    CHECK_TEXT(host, "real.example:81");
    CHECK_CODE(forker_request_header_at(req, 0, &name, &value), FORKER_OK);
    CHECK_TEXT(value, "real.example:81");
    CHECK_TEXT(forker_request_query(req, NULL), "q=1");
    CHECK_TEXT(forker_request_param(req, "rest", NULL), "path");
    CHECK_TEXT(forker_request_target(req, NULL), "http://real.example:81/authority/path?q=1");
    CHECK_TEXT(forker_request_path(req, NULL), "/authority/path");
    CHECK_TEXT(host, "real.example:81");
    int code = response_text(req, "fine");
    return check_failures > 0 || code != FORKER_OK ? FORKER_E_INTERNAL : FORKER_OK;
}

/* All pieces stay what they are while others are asked for, in any order. */
static int check_headers(forker_request *req, void *user)
{
    static const char *const names[] = {"Host", "X-One", "x-one", "Empty", "Spaces"};
    static const char *const values[] = {"test", "first", "second", "", "a  b"};
    const char *name, *value, *first = forker_request_header(req, "X-ONE", NULL);
    size_t len;
    (void)user;
    CHECK(forker_request_header_count(req) == 5);
    for (size_t i = 0; i < 5; i++) {
        CHECK_CODE(forker_request_header_at(req, i, &name, &value), FORKER_OK);
        CHECK_TEXT(name, names[i]);
        CHECK_TEXT(value, values[i]);
    }
    CHECK_CODE(forker_request_header_at(req, 0, NULL, NULL), FORKER_OK);
    CHECK_CODE(forker_request_header_at(req, 5, &name, &value), FORKER_E_INVALID);
    CHECK_TEXT(first, "first");
    CHECK_TEXT(forker_request_header(req, "spaces", &len), "a  b");
    CHECK(len == 4);
    CHECK_TEXT(forker_request_header(req, "Empty", &len), "");
    CHECK(len == 0);
    CHECK_TEXT(forker_request_header(req, "X-On", &len), NULL);
    CHECK_TEXT(forker_request_header(req, "", &len), NULL);
    CHECK_TEXT(forker_request_header(req, NULL, &len), NULL);
    CHECK_TEXT(forker_request_method(req, NULL), "GET");
    CHECK_TEXT(forker_request_target(req, NULL), "/headers");
    CHECK_TEXT(forker_request_path(req, NULL), "/headers");
    CHECK_TEXT(forker_request_query(req, &len), "");
    CHECK_TEXT(forker_request_body(req, &len), "");
    CHECK(len == 0);
    int code = response_text(req, "fine");
    return check_failures > 0 || code != FORKER_OK ? FORKER_E_INTERNAL : FORKER_OK;
}

/* Nothing that a handler says can split a response or break its framing. */
static int check_refused_fields(forker_request *req, void *user)
{
    static const char *const names[] = {
        "", "a b", "a:", "a\r\nb", "\xc3\xa4", "Content-Length", "transfer-encoding", "Upgrade", "Keep-Alive"};
    static const char *const announced[] = {"Content-Length", "X-Sum, trailer", "Host", "", ",",
                                            "X-Sum X-Other",  "X-Sum,"};
    static const char *const values[] = {"a\r\nb: c", "a\nb", "a\rb", "\x01", "\x7f"};
    (void)user;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CHECK_CODE(forker_response_header_set(req, names[i], "value"), FORKER_E_INVALID);
        CHECK_CODE(forker_response_header_add(req, names[i], "value"), FORKER_E_INVALID);
    }
    for (size_t i = 0; i < sizeof announced / sizeof *announced; i++) {
        CHECK_CODE(forker_response_header_set(req, "Trailer", announced[i]), FORKER_E_INVALID);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        CHECK_CODE(forker_response_header_set(req, "Name", values[i]), FORKER_E_INVALID);
        CHECK_CODE(forker_respond(req, 200, values[i], "x", 1), FORKER_E_INVALID);
    }
    CHECK_CODE(forker_response_header_set(req, NULL, "value"), FORKER_E_INVALID);
    CHECK_CODE(forker_response_header_set(req, "Name", NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_header_set(req, "Connection", "keep-alive"), FORKER_E_INVALID);
    CHECK_CODE(forker_response_status(req, 199), FORKER_E_INVALID);
    CHECK_CODE(forker_response_status(req, 600), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, 101, NULL, NULL, 0), FORKER_E_INVALID);
    CHECK_CODE(forker_respond(req, 200, NULL, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_error(req, 399, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_error(req, 600, NULL), FORKER_E_INVALID);
    CHECK_CODE(forker_response_write(req, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_response_header_set(req, "Name", "tab\tand \xc3\xa4 are fine"), FORKER_OK);
    CHECK_CODE(forker_response_write(req, "fine", 4), FORKER_OK);
    return response_checked(req);
}

static int check_limit(forker_request *req, void *user)
{
    static char value[1025];
    int code = FORKER_OK;
    (void)user;
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 200 && code == FORKER_OK; i++) {
        code = forker_response_header_add(req, "Many", value);
    }
    CHECK_CODE(code, FORKER_E_LIMIT);
    CHECK_CODE(forker_response_reset(req), FORKER_OK);
    CHECK_CODE(forker_respond_error(req, 503, "dropped what was set"), FORKER_OK);
    return response_checked(req);
}

/* What a reset has dropped is not sent, and there is room for as much again. */
static int check_reset(forker_request *req, void *user)
{
    (void)user;
    for (int i = 0; i < 2; i++) {
        CHECK_CODE(forker_response_status(req, 500), FORKER_OK);
        CHECK_CODE(forker_response_header_set(req, "Left", "over"), FORKER_OK);
        CHECK_CODE(forker_response_header_set(req, "Date", "never"), FORKER_OK);
        CHECK_CODE(forker_response_header_set(req, "Connection", "close"), FORKER_OK);
        CHECK_CODE(forker_response_write(req, "dropped", 7), FORKER_OK);
        CHECK_CODE(forker_response_reset(req), FORKER_OK);
    }
    CHECK_CODE(forker_response_write(req, "clean", 5), FORKER_OK);
    return response_checked(req);
}

static int check_reset_of_nothing(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_write(req, "dropped", 7), FORKER_OK);
    CHECK_CODE(forker_response_reset(req), FORKER_OK);
    return FORKER_OK; /* without a response: a logged 500 */
}

static int check_reset_of_lent(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_lend(req, "lent", 4, NULL, NULL), FORKER_OK);
    CHECK_CODE(forker_response_reset(req), FORKER_E_STATE);
    return response_checked(req);
}

/* A second response is FORKER_E_STATE, in whatever form. */
static int check_second_response(forker_request *req, void *user)
{
    CHECK_CODE(user == NULL ? forker_respond(req, 200, NULL, "fine", 4) : forker_respond_error(req, 418, "fine"),
               FORKER_OK);
    CHECK_CODE(forker_respond(req, 200, NULL, "second", 6), FORKER_E_STATE);
    CHECK_CODE(forker_respond_error(req, 404, NULL), FORKER_E_STATE);
    CHECK_CODE(forker_response_status(req, 201), FORKER_E_STATE);
    CHECK_CODE(forker_response_header_set(req, "Name", "value"), FORKER_E_STATE);
    CHECK_CODE(forker_response_header_add(req, "Name", "value"), FORKER_E_STATE);
    CHECK_CODE(forker_response_write(req, "second", 6), FORKER_E_STATE);
    CHECK_CODE(forker_response_reset(req), FORKER_E_STATE);
    return check_failures > 0 ? FORKER_E_INTERNAL : FORKER_OK;
}

static int build_response(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_status(req, 201), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "Replaced", "one"), FORKER_OK);
    CHECK_CODE(forker_response_header_add(req, "Added", "one"), FORKER_OK);
    CHECK_CODE(forker_response_header_add(req, "Added", "two"), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "replaced", "two"), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "Server", "own"), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "Date", "own"), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "Connection", "Close"), FORKER_OK);
    for (int i = 0; i < 1000; i++) {
        CHECK_CODE(forker_response_write(req, "piece ", 6), FORKER_OK);
    }
    CHECK_CODE(forker_response_write(req, NULL, 0), FORKER_OK);
    CHECK_CODE(forker_respond(req, 200, NULL, "x", 1), FORKER_E_STATE); /* it was written to already */
    return response_checked(req);
}

/* What was built is dropped. */
static int build_and_fail(forker_request *req, void *user)
{
    (void)user;
    forker_response_header_set(req, "Dropped", "yes");
    forker_response_write(req, "dropped", 7);
    return FORKER_E_LIMIT;
}

static int fields_then_respond(forker_request *req, void *user)
{
    (void)user;
    CHECK_CODE(forker_response_header_set(req, "Content-Type", "text/html"), FORKER_OK);
    CHECK_CODE(forker_response_header_set(req, "Own", "kept"), FORKER_OK);
    return forker_respond(req, 202, "text/plain", "fine", 4);
}

/* A body may be changed in place: the response is the body, upside down. */
static int change_body(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    char *body = (char *)(uintptr_t)forker_request_body(req, &len);
    for (size_t i = 0; i < len / 2; i++) {
        char c = body[i];
        body[i] = body[len - 1 - i];
        body[len - 1 - i] = c;
    }
    return forker_respond(req, 200, NULL, body, len);
}

/* All of a request in one buffer, also where pieces of it were asked for before; whatever its size, no byte too many. */
static int check_packed(forker_request *req, void *user)
{
    static const char *const texts[] = {"GET",         "/packed/a%20b?q=1",
                                        "/packed/a b", "q=1",
                                        "1.1",         "http",
                                        NULL,          "127.0.0.1",
                                        "Host",        "test",
                                        "X-One",       "a",
                                        "x-one",       "",
                                        NULL};
    char buffer[256];
    int64_t len = forker_request_pack(req, NULL, 0);
    (void)user;
    CHECK(len > 0 && len < (int64_t)sizeof buffer);
    CHECK_TEXT(forker_request_header(req, "X-One", NULL), "a");
    for (int64_t size = 0; size <= len; size++) {
        memset(buffer, '#', sizeof buffer);
        CHECK(forker_request_pack(req, buffer, (size_t)size) == len);
        CHECK(buffer[size] == '#');
    }
    const char *at = buffer;
    for (size_t i = 0; i < sizeof texts / sizeof *texts - 1; i++) {
        CHECK_TEXT(at, texts[i] != NULL ? texts[i] : forker_request_peer(req, NULL));
        at += strlen(at) + 1;
    }
    CHECK(at == buffer + len);
    CHECK_CODE((int)forker_request_pack(req, NULL, 1), FORKER_E_INVALID);
    int code = response_text(req, "fine");
    return check_failures > 0 || code != FORKER_OK ? FORKER_E_INTERNAL : FORKER_OK;
}

/* A response with fields in one call. Of those that are refused nothing is left. */
static int respond_packed(forker_request *req, void *user)
{
    static const char fields[] = "Added\0one\0added\0two\0Empty\0";
    static const char refused[] = "Left\0over\0Connection\0close\0Date\0never\0a b\0c";
    (void)user;
    CHECK_CODE(forker_response_header_add(req, "Own", "kept"), FORKER_OK);
    CHECK_CODE(forker_respond_packed(req, 200, refused, sizeof refused, "x", 1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 99, fields, sizeof fields, "x", 1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 200, fields, sizeof fields, NULL, 1), FORKER_E_INVALID);
    CHECK_CODE(forker_respond_packed(req, 200, NULL, 1, "x", 1), FORKER_E_INVALID);
    for (size_t len = 1; len < 10; len++) {
        CHECK_CODE(forker_respond_packed(req, 200, fields, len, "x", 1), FORKER_E_INVALID);
    }
    CHECK_CODE(forker_respond_packed(req, 201, fields, sizeof fields, "fine", 4), FORKER_OK);
    CHECK_CODE(forker_respond_packed(req, 201, NULL, 0, "fine", 4), FORKER_E_STATE);
    return check_failures > 0 ? FORKER_E_INTERNAL : FORKER_OK;
}

/* Passes to the next route that matches. */
static int pass(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_NEXT;
}

static int response_user(forker_request *req, void *user)
{
    return response_text(req, user);
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    forker_server_handle(server, "POST", "/request/*rest", check_request, NULL);
    forker_server_handle(server, "GET", "/headers", check_headers, NULL);
    forker_server_handle(server, "GET", "/authority/*rest", check_authority, NULL);
    forker_server_handle(server, "GET", "/refused", check_refused_fields, NULL);
    forker_server_handle(server, "GET", "/limit", check_limit, NULL);
    forker_server_handle(server, "GET", "/reset", check_reset, NULL);
    forker_server_handle(server, "GET", "/reset-nothing", check_reset_of_nothing, NULL);
    forker_server_handle(server, "GET", "/reset-lent", check_reset_of_lent, NULL);
    forker_server_handle(server, "GET", "/second", check_second_response, NULL);
    forker_server_handle(server, "GET", "/second-error", check_second_response, server);
    forker_server_handle(server, "GET", "/build", build_response, NULL);
    forker_server_handle(server, "GET", "/build-and-fail", build_and_fail, NULL);
    forker_server_handle(server, "GET", "/fields", fields_then_respond, NULL);
    forker_server_handle(server, "POST", "/change", change_body, NULL);
    forker_server_handle(server, "GET", "/packed/*rest", check_packed, NULL);
    forker_server_handle(server, "GET", "/respond-packed", respond_packed, NULL);
    forker_server_handle(server, "GET", "/next/exact", pass, NULL);
    forker_server_handle(server, "GET", "/next/:name", pass, NULL);
    forker_server_handle(server, "*", "/next/*rest", response_user, "the rest");
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
