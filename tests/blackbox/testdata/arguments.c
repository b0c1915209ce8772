/* What a handler makes of what a client sends, and what it answers with that: arguments.c ADDRESS. */
#include "program.h"

#include <stdbool.h>

static int slot, plain_slot;
static int live; /* values that are not destroyed */
static forker_server *server;

static const char *query(forker_request *req, const char *name)
{
    return forker_request_query_param(req, name, NULL);
}

/* Answers with the sentence of a call that has failed. */
static int tell_failure(forker_request *req)
{
    char text[512];
    snprintf(text, sizeof text, "%s", forker_request_error(req));
    return forker_respond_error(req, 400, text);
}

static int redirect(forker_request *req, void *user)
{
    int64_t status;
    (void)user;
    if (forker_arg_int(req, FORKER_FROM_QUERY, "status", 0, 999, 303, &status) != FORKER_OK ||
        forker_respond_redirect(req, (int)status, query(req, "to")) != FORKER_OK) {
        return tell_failure(req);
    }
    return FORKER_OK;
}

static int attach(forker_request *req, void *user)
{
    (void)user;
    if (forker_response_attachment(req, query(req, "name"), query(req, "inline") != NULL) != FORKER_OK) {
        return tell_failure(req);
    }
    return response_text(req, "file");
}

static int list_query(forker_request *req, void *user)
{
    const char *name, *value;
    size_t len;
    (void)user;
    for (size_t i = 0; forker_request_query_at(req, i, &name, &value, &len) == FORKER_OK; i++) {
        size_t alone = len + 1;
        if (forker_request_query_at(req, i, NULL, NULL, &alone) != FORKER_OK || alone != len) {
            return FORKER_E_INTERNAL;
        }
        forker_response_write(req, name, strlen(name));
        forker_response_write(req, "=", 1);
        forker_response_write(req, value, len);
        forker_response_write(req, ";", 1);
    }
    return forker_response_header_set(req, "X-Error", forker_request_error(req));
}

static int give_cookie(forker_request *req, void *user)
{
    int64_t flags, same_site, age;
    (void)user;
    forker_arg_int(req, FORKER_FROM_QUERY, "flags", 0, 7, 0, &flags);
    forker_arg_int(req, FORKER_FROM_QUERY, "same_site", -1, 9, 0, &same_site);
    forker_arg_int(req, FORKER_FROM_QUERY, "age", -1, INT64_MAX, -1, &age);
    forker_cookie cookie = {.size = sizeof cookie,
                            .flags = (uint32_t)flags,
                            .same_site = (int32_t)same_site,
                            .max_age = age,
                            .name = query(req, "name"),
                            .value = query(req, "value"),
                            .domain = query(req, "domain"),
                            .path = query(req, "path")};
    return forker_response_cookie(req, &cookie) == FORKER_OK ? response_text(req, "given") : tell_failure(req);
}

static int tell_cookie(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    const char *value = forker_request_cookie(req, query(req, "name"), &len);
    return value != NULL && len == strlen(value) ? response_text(req, value) : forker_respond_error(req, 404, NULL);
}

static int sign(forker_request *req, void *user)
{
    char text[5000] = "what was there";
    int64_t size;
    (void)user;
    forker_arg_int(req, FORKER_FROM_QUERY, "size", 0, sizeof text, sizeof text, &size);
    bool verifies = query(req, "text") != NULL;
    int code = verifies ? forker_cookie_verify(server, query(req, "name"), query(req, "text"), text, (size_t)size)
                        : forker_cookie_sign(server, query(req, "name"), query(req, "value"), text, (size_t)size);
    if (code != FORKER_OK) {
        bool left = size > 0 && text[0] != '\0';
        snprintf(text, sizeof text, "%d%s", code, left ? ", and a text" : "");
        return forker_respond_error(req, 400, text);
    }
    return response_text(req, text);
}

static int argue(forker_request *req, void *user)
{
    char text[128];
    int64_t number;
    double real;
    int word;
    (void)user;
    if (forker_arg_int(req, FORKER_FROM_QUERY, "int", -5, INT64_MAX, 7, &number) != FORKER_OK ||
        forker_arg_double(req, FORKER_FROM_QUERY, "double", -1e300, 1e300, 0.5, &real) != FORKER_OK ||
        forker_arg_choice(req, FORKER_FROM_COOKIE, "choice", "asc|desc", 1, &word) != FORKER_OK) {
        return tell_failure(req);
    }
    int flag, from_path;
    if (forker_arg_bool(req, FORKER_FROM_HEADER, "X-Flag", 1, &flag) != FORKER_OK ||
        forker_arg_bool(req, FORKER_FROM_PARAM, "flag", 0, &from_path) != FORKER_OK) {
        return tell_failure(req);
    }
    snprintf(text, sizeof text, "%lld %g %d %d %d", (long long)number, real, word, flag, from_path);
    return response_text(req, text);
}

/* "ms": the beginning of 2026 if there is none; with ?narrow only the first day of 1970. */
static int argue_time(forker_request *req, void *user)
{
    char text[32];
    int64_t ms;
    (void)user;
    if (forker_arg_time(req, FORKER_FROM_QUERY, "at", query(req, "narrow") != NULL ? 0 : INT64_MIN,
                        query(req, "narrow") != NULL ? 86399999 : INT64_MAX, 1767225600000, &ms) != FORKER_OK) {
        return tell_failure(req);
    }
    snprintf(text, sizeof text, "%lld", (long long)ms);
    return response_text(req, text);
}

static void destroy(void *value)
{
    live--;
    free(value);
}

static void set_value(forker_request *req, const char *text)
{
    char *value = malloc(strlen(text) + 1);
    live++;
    strcpy(value, text);
    if (forker_request_set(req, slot, value) != FORKER_OK) {
        tell("set failed\n");
    }
}

static int find_user(forker_request *req, void *user)
{
    (void)user;
    set_value(req, "replaced");
    set_value(req, query(req, "user"));
    forker_request_set(req, slot, forker_request_get(req, slot)); /* stays */
    forker_request_set(req, plain_slot, &slot);
    return FORKER_NEXT;
}

static void look_at_user(forker_request *req, const forker_outcome *outcome, void *user)
{
    (void)outcome;
    (void)user;
    tell(forker_request_get(req, slot) != NULL ? "done has a value\n" : "done has none\n");
}

static int tell_user(forker_request *req, void *user)
{
    char text[256];
    (void)user;
    if (forker_request_set(req, 15, req) != FORKER_E_INVALID || forker_request_get(req, -1) != NULL ||
        forker_request_get(req, plain_slot) != &slot) {
        return FORKER_E_INTERNAL;
    }
    snprintf(text, sizeof text, "%s of %d", (const char *)forker_request_get(req, slot), live);
    return response_text(req, text);
}

static int tell_live(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d %d", live, forker_request_get(req, slot) != NULL);
    return response_text(req, text);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    server = forker_server_new();
    forker_server_listen(server, argv[1]);
    slot = forker_server_slot(server, destroy);
    plain_slot = forker_server_slot(server, NULL);
    forker_server_handle(server, "GET", "/redirect", redirect, NULL);
    forker_server_handle(server, "GET", "/attach", attach, NULL);
    forker_server_handle(server, "GET", "/query", list_query, NULL);
    forker_server_handle(server, "GET", "/give", give_cookie, NULL);
    forker_server_handle(server, "GET", "/cookie", tell_cookie, NULL);
    forker_server_handle(server, "GET", "/sign", sign, NULL);
    forker_server_handle(server, "GET", "/args/:flag", argue, NULL);
    forker_server_handle(server, "GET", "/time", argue_time, NULL);
    forker_server_handle(server, "GET", "/live", tell_live, NULL);
    forker_group *users = forker_server_group(server, "/users");
    forker_group_use(users, find_user, look_at_user, NULL);
    forker_group_handle(users, "GET", "/me", tell_user, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
