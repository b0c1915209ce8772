/* Setup without running: results, sentences, options, routes. */
#define _GNU_SOURCE

#include "check.h"

#include <stdlib.h>

static int handler(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, 200, NULL, NULL, 0);
}

static void check_results(void)
{
    CHECK_TEXT(forker_version(), FORKER_VERSION);
    CHECK_TEXT(forker_strerror(1000), "unknown error code");
    CHECK_TEXT(forker_strerror(FORKER_E_INTERNAL - 1000), "unknown error code");
    for (int code = FORKER_E_INTERNAL; code <= FORKER_NEXT; code++) {
        CHECK(strcmp(forker_strerror(code), "unknown error code") != 0);
        CHECK(strlen(forker_strerror(code)) > 3);
    }
}

/* Sets an option of a fresh server. */
static int try_set(const char *name, const char *value)
{
    forker_server *server = forker_server_new();
    int code = forker_server_set(server, name, value);
    if (code == FORKER_OK) {
        CHECK_TEXT(forker_server_error(server), "");
        CHECK_TEXT(forker_server_get(server, name), value);
    } else {
        CHECK(strlen(forker_server_error(server)) > 10);
    }
    forker_server_free(server);
    return code;
}

/* "auto, or 0 to 1024": the edges can be set, what lies below them cannot. */
static void check_range(const char *name, const char *bounds)
{
    char text[64];
    const char *comma = strstr(bounds, ", or ");
    if (comma != NULL) {
        snprintf(text, sizeof text, "%.*s", (int)(comma - bounds), bounds);
        CHECK_CODE(try_set(name, text), FORKER_OK);
        bounds = comma + strlen(", or ");
    }
    const char *middle = strstr(bounds, " to ");
    CHECK(middle != NULL);
    if (middle == NULL) {
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)(middle - bounds), bounds);
    CHECK_CODE(try_set(name, text), FORKER_OK);
    CHECK_CODE(try_set(name, middle + strlen(" to ")), FORKER_OK);
    if (strtol(text, NULL, 10) > 0) {
        CHECK_CODE(try_set(name, "0"), FORKER_E_OPTION);
    }
    snprintf(text, sizeof text, "9%s", middle + strlen(" to "));
    CHECK_CODE(try_set(name, text), FORKER_E_OPTION);
}

static void check_choice(const char *name, const char *bounds)
{
    char words[128];
    snprintf(words, sizeof words, "%s", bounds);
    for (char *state, *word = strtok_r(words, "|", &state); word != NULL; word = strtok_r(NULL, "|", &state)) {
        CHECK_CODE(try_set(name, word), FORKER_OK);
    }
    CHECK_CODE(try_set(name, bounds), FORKER_E_OPTION);
}

static int is_quantity(const char *type)
{
    return strcmp(type, "number") == 0 || strcmp(type, "size") == 0 || strcmp(type, "duration") == 0 ||
           strcmp(type, "mode") == 0;
}

static void check_table(void)
{
    size_t count = 0;
    for (const forker_option *option; (option = forker_option_at(count)) != NULL; count++) {
        const char *name = forker_option_name(option), *type = forker_option_type(option);
        int may_be_empty = strncmp(forker_option_bounds(option), "empty, ", strlen("empty, ")) == 0;
        forker_server *server = forker_server_new();
        CHECK_TEXT(forker_server_get(server, name), forker_option_default(option));
        forker_server_free(server);
        CHECK(strlen(forker_option_description(option)) > 20);
        CHECK(forker_option_reloadable(option) == 0 || forker_option_reloadable(option) == 1);
        if (strcmp(type, "choice") == 0) {
            check_choice(name, forker_option_bounds(option));
        } else if (is_quantity(type)) {
            check_range(name, forker_option_bounds(option));
        }
        CHECK_CODE(try_set(name, ""), may_be_empty || strcmp(type, "text") == 0 ? FORKER_OK : FORKER_E_OPTION);
        if (strcmp(type, "choice") == 0 || is_quantity(type)) {
            CHECK_CODE(try_set(name, "nonsense"), FORKER_E_OPTION);
            CHECK_CODE(try_set(name, "-1"), FORKER_E_OPTION);
            CHECK_CODE(try_set(name, "99999999999999999999"), FORKER_E_OPTION);
        }
    }
    CHECK(count > 20);
    CHECK(forker_option_at(count) == NULL);
    CHECK(forker_option_at((size_t)-1) == NULL);
}

static void check_option_sentences(void)
{
    forker_server *server = forker_server_new();
    CHECK_TEXT(forker_server_error(server), "");
    CHECK_CODE(forker_server_set(server, "wokers", "2"), FORKER_E_OPTION);
    CHECK_TEXT(forker_server_error(server), "set: no option \"wokers\"; did you mean \"workers\"?");
    CHECK_CODE(forker_server_set(server, "xyzzy-plugh-42", "2"), FORKER_E_OPTION);
    CHECK_TEXT(forker_server_error(server), "set: no option \"xyzzy-plugh-42\"");
    CHECK_CODE(forker_server_set(server, "max_body", "lots"), FORKER_E_OPTION);
    CHECK_TEXT(forker_server_error(server), "set: max_body: \"lots\" is not a size (0 to 1t)");
    CHECK_CODE(forker_server_set(server, "workers", "2"), FORKER_OK);
    CHECK_TEXT(forker_server_get(server, "xyzzy"), NULL);
    CHECK_CODE(forker_server_run(server), FORKER_E_SETUP);
    /* The first one is what run reports. */
    CHECK_TEXT(forker_server_error(server),
               "run: a setup call failed before: set: no option \"wokers\"; did you mean \"workers\"?");
    forker_server_free(server);
}

#define LOOPBACK "(empty, \"unix:/path\", or an address of 127.0.0.0/8 or [::1] with a port)"

/* Values as a new user might write them: the sentence says what is allowed, and where it can what to write. */
static const struct {
    const char *name, *value, *fault;
} wrong_values[] = {
    {"drain_timeout", "5", "is not a duration (0 to 24h): it needs a unit, 5s"},
    {"drain_timeout", "5 sec", "is not a duration (0 to 24h): write 5s"},
    {"drain_timeout", "2Minutes", "is not a duration (0 to 24h): write 2m"},
    {"drain_timeout", "-1", "is not a duration (0 to 24h)"},
    {"drain_timeout", "true", "is not a duration (0 to 24h)"},
    {"drain_timeout", "10MB", "is not a duration (0 to 24h)"},
    {"drain_timeout", "100000", "is not a duration (0 to 24h)"},
    {"hang_timeout", "0", "is not a duration (off, or 1s to 24h): write off"},
    {"hang_timeout", "-1", "is not a duration (off, or 1s to 24h): write off"},
    {"hang_timeout", "never", "is not a duration (off, or 1s to 24h): write off"},
    {"access_log_fields", "client, rout",
     "is not a list of log fields (empty, or up to 16 of request_id, route, client and header:name, separated by "
     "commas): there is no \"rout\"; did you mean \"route\"?"},
    {"access_log_fields", "x-tenant",
     "is not a list of log fields (empty, or up to 16 of request_id, route, client and header:name, separated by "
     "commas): there is no \"x-tenant\"; a field of requests is header:x-tenant"},
    {"access_log_fields", "header:a,route,header:A",
     "is not a list of log fields (empty, or up to 16 of request_id, route, client and header:name, separated by "
     "commas): \"header:A\" is there twice"},
    {"access_log_fields", "header:",
     "is not a list of log fields (empty, or up to 16 of request_id, route, client and header:name, separated by "
     "commas): \"header:\" has no name of a field"},
    {"max_body", "10MB", "is not a size (0 to 1t): write 10m"},
    {"max_body", "10 MiB", "is not a size (0 to 1t): write 10m"},
    {"max_body", "10K", "is not a size (0 to 1t): write 10k"},
    {"max_body", "100 bytes", "is not a size (0 to 1t): write 100"},
    {"max_body", "99TB", "is not a size (0 to 1t)"},
    {"max_body", "-1", "is not a size (0 to 1t)"},
    {"max_body", "true", "is not a size (0 to 1t)"},
    {"workers", "Auto", "is not a number (auto, or 0 to 1024): write auto"},
    {"workers", "\"4\"", "is not a number (auto, or 0 to 1024): write 4"},
    {"workers", "-1", "is not a number (auto, or 0 to 1024)"},
    {"workers", "true", "is not a number (auto, or 0 to 1024)"},
    {"workers", "10MB", "is not a number (auto, or 0 to 1024)"},
    {"log_rate", "none", "is not a number (off, or 0 to 1000000): write off"},
    {"keep_alive", "true", "is not a choice (off|on): write on"},
    {"keep_alive", "FALSE", "is not a choice (off|on): write off"},
    {"keep_alive", "-1", "is not a choice (off|on): write off"},
    {"keep_alive", "10MB", "is not a choice (off|on)"},
    {"dispatch", "Pool", "is not a choice (inline|pool): write pool"},
    {"unix_mode", "0o660", "is not a mode (0 to 0777): write 0660"},
    {"unix_mode", "-1", "is not a mode (0 to 0777)"},
    {"admin", "localhost:9090", "is not an address " LOOPBACK ": write 127.0.0.1:9090"},
    {"admin", ":9090", "is not an address " LOOPBACK ": write 127.0.0.1:9090"},
    {"admin", "9090", "is not an address " LOOPBACK ": write 127.0.0.1:9090"},
    {"admin", "http://127.0.0.2:9090/", "is not an address " LOOPBACK ": write 127.0.0.2:9090"},
    {"admin", "/run/admin", "is not an address " LOOPBACK ": write unix:/run/admin"},
    {"admin", "true", "is not an address " LOOPBACK},
    {"user", "-1", "is not a user (empty, or the name or number of one that is not root)"},
    {"group", "10MB", "is not a group (empty, or the name or number of one)"},
    {"chroot", "true", "is not a directory (empty, or the absolute path of one that exists)"},
};

/* A list of fields is not longer than a log wants it, and not told whole in the sentence. */
static void check_log_fields(void)
{
    char list[256] = "header:a", sentence[512];
    forker_server *server = forker_server_new();
    for (char name = 'b'; name <= 'p'; name++) {
        snprintf(list + strlen(list), sizeof list - strlen(list), ",header:%c", name);
    }
    CHECK_CODE(forker_server_set(server, "access_log_fields", list), FORKER_OK);
    strcat(list, ",route");
    snprintf(sentence, sizeof sentence,
             "set: access_log_fields: \"%.64s\" is not a list of log fields (empty, or up to 16 of request_id, route, "
             "client and header:name, separated by commas): more than 16",
             list);
    CHECK_CODE(forker_server_set(server, "access_log_fields", list), FORKER_E_OPTION);
    CHECK_TEXT(forker_server_error(server), sentence);
    forker_server_free(server);
}

static void check_advice(void)
{
    char sentence[512];
    for (size_t i = 0; i < sizeof wrong_values / sizeof *wrong_values; i++) {
        forker_server *server = forker_server_new();
        CHECK_CODE(forker_server_set(server, wrong_values[i].name, wrong_values[i].value), FORKER_E_OPTION);
        snprintf(sentence, sizeof sentence, "set: %s: \"%s\" %s", wrong_values[i].name, wrong_values[i].value,
                 wrong_values[i].fault);
        CHECK_TEXT(forker_server_error(server), sentence);
        forker_server_free(server);
    }
}

static void check_environment(void)
{
    setenv("FORKER_WORKERS", "3", 1);
    forker_server *server = forker_server_new();
    CHECK_TEXT(forker_server_get(server, "workers"), "3");
    CHECK_CODE(forker_server_set(server, "workers", "5"), FORKER_OK);
    CHECK_TEXT(forker_server_get(server, "workers"), "3");
    CHECK_CODE(forker_server_set(server, "workers", "many"), FORKER_E_OPTION);
    forker_server_free(server);
    setenv("FORKER_WORKERS", "-3", 1);
    server = forker_server_new();
    CHECK_TEXT(forker_server_get(server, "workers"), "auto");
    CHECK_CODE(forker_server_run(server), FORKER_E_SETUP);
    CHECK(strstr(forker_server_error(server), "FORKER_WORKERS=\"-3\" is not a number (auto, or 0 to 1024)") != NULL);
    forker_server_free(server);
    unsetenv("FORKER_WORKERS");
}

static const struct {
    const char *methods, *pattern;
    int code;
} routes[] = {
    {"GET", "/", FORKER_OK},
    {"GET", "/", FORKER_E_ROUTE}, /* is taken */
    {"POST,PUT", "/", FORKER_OK},
    {"DELETE,PUT", "/", FORKER_E_ROUTE},
    {"*", "/any", FORKER_OK},
    {"GET", "/users/:id", FORKER_OK},
    {"GET", "/users/:id/posts/:post", FORKER_OK},
    {"GET", "/users/me", FORKER_OK},
    {"GET", "/files/*path", FORKER_OK},
    {"GET,PUT", "/users/:name/posts/:title", FORKER_E_ROUTE}, /* names do not tell patterns apart */
    {"GET", "/files/*rest", FORKER_E_ROUTE},
    {"GET", "/files/:rest", FORKER_OK},
    {"BREW", "/pot", FORKER_OK},
    {"", "/a", FORKER_E_ROUTE},
    {"GET,", "/a", FORKER_E_ROUTE},
    {"GET POST", "/a", FORKER_E_ROUTE},
    {"G(T", "/a", FORKER_E_ROUTE},
    {"get", "/a", FORKER_E_ROUTE},
    {"connect", "/a", FORKER_E_ROUTE},
    {"GET,*", "/a", FORKER_E_ROUTE},
    {"GET", "/any", FORKER_E_ROUTE}, /* is one of "*" */
    {"*", "/users/me", FORKER_E_ROUTE},
    {"GET", "", FORKER_E_ROUTE},
    {"GET", "a", FORKER_E_ROUTE},
    {"GET", "/:", FORKER_E_ROUTE},
    {"GET", "/*", FORKER_E_ROUTE},
    {"GET", "/*rest/more", FORKER_E_ROUTE},
    {"GET", "/:a/:a", FORKER_E_ROUTE},
};

static void check_routes(void)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        forker_server *server = forker_server_new();
        int code = FORKER_OK;
        for (size_t before = 0; before < i; before++) {
            if (routes[before].code == FORKER_OK) {
                CHECK_CODE(forker_server_handle(server, routes[before].methods, routes[before].pattern, handler, NULL),
                           0);
            }
        }
        code = forker_server_handle(server, routes[i].methods, routes[i].pattern, handler, NULL);
        if (code != routes[i].code) {
            fprintf(stderr, "route %s %s gives %d, want %d\n", routes[i].methods, routes[i].pattern, code,
                    routes[i].code);
            check_failures++;
        }
        CHECK(code == FORKER_OK || strlen(forker_server_error(server)) > 10);
        forker_server_free(server);
    }
}

#define PARAMETER "a parameter is a segment \":name\", or at the end \"*name\""
#define QUERY "a pattern is one of paths, which end at \"?\" and \"#\": forker_request_query_param() reads a query"
#define ESCAPE "paths are decoded before they are compared: write the character, not its %-escape"
#define COMMAS "methods are separated by commas: write \"GET,POST\""

/* Routes that no request could ever match, as other libraries write them. */
static const struct {
    const char *methods, *pattern, *fault; /* NULL: it is a route */
} dead_routes[] = {
    {"GET", "/users/{id}", PARAMETER ": write /users/:id"},
    {"GET", "/users/<id>", PARAMETER ": write /users/:id"},
    {"GET", "/users/<int:id>/posts/{post}.json", PARAMETER ": write /users/:id/posts/:post"},
    {"GET", "/users/{id:int}", PARAMETER ": write /users/:id"},
    {"GET", "/{file...}", PARAMETER ": write /*file"},
    {"GET", "/{*file}", PARAMETER ": write /*file"},
    {"GET", "/a/<path:file>", PARAMETER ": write /a/*file"},
    {"GET", "/a/{file:path}", PARAMETER ": write /a/*file"},
    {"GET", "/a/{}", PARAMETER},
    {"GET", "/a/{$}", PARAMETER},
    {"GET", "/a/{b/c}", NULL},
    {"GET", "/a/b}{c", NULL},
    {"GET", "/a>b<c", NULL},
    {"GET", "/a?b=1", QUERY},
    {"GET", "/users/:id?", QUERY},
    {"GET", "/a#b", QUERY},
    {"GET", "/a%20b", ESCAPE},
    {"GET", "/100%/%a%2F", ESCAPE},
    {"GET", "/100%", NULL},
    {"GET", "/%zz/%1", NULL},
    {"GET|POST", "/", COMMAS},
    {"get|post", "/", COMMAS},
    {"PUT,GET+HEAD", "/", COMMAS},
    {"GET&POST", "/", COMMAS},
    {"GET-THIS", "/", NULL},
    {"M-SEARCH|X", "/", NULL},
};

static void check_dead_routes(void)
{
    char sentence[512];
    for (size_t i = 0; i < sizeof dead_routes / sizeof *dead_routes; i++) {
        const char *methods = dead_routes[i].methods, *pattern = dead_routes[i].pattern, *fault = dead_routes[i].fault;
        forker_server *server = forker_server_new();
        int code = forker_server_handle(server, methods, pattern, handler, NULL);
        snprintf(sentence, sizeof sentence, "handle %s %s: %s", methods, pattern, fault != NULL ? fault : "");
        CHECK_CODE(code, fault != NULL ? FORKER_E_ROUTE : FORKER_OK);
        CHECK_TEXT(forker_server_error(server), fault != NULL ? sentence : "");
        forker_server_free(server);
    }
}

static const struct {
    const char *name, *value, *sentence; /* NULL: it is set */
} route_options[] = {
    {"dispatch", "pool", NULL},
    {"dispatch", "thread", "route set dispatch of GET /: \"thread\" is neither inline nor pool"},
    {"body", "buffer", NULL},
    {"body", "stream", NULL},
    {"body", "", "route set body of GET /: \"\" is neither buffer nor stream"},
    {"max_body", "0", NULL},
    {"max_body", "1t", NULL},
    {"max_body", "2t", "route set max_body of GET /: \"2t\" is not a size up to 1t"},
    {"max_body", "-1", "route set max_body of GET /: \"-1\" is not a size up to 1t"},
    {"max_body", "1MB", "route set max_body of GET /: \"1MB\" is not a size up to 1t: write 1m"},
    {"dispatch", "POOL", "route set dispatch of GET /: \"POOL\" is neither inline nor pool: write pool"},
    {"max_head", "1",
     "route set: no route option \"max_head\"; there are dispatch, body, max_body, handler_timeout, and those of "
     "forms, "
     "gRPC, gates and files"},
    {"handler_timeout", "0", NULL},
    {"handler_timeout", "24h", NULL},
    {"handler_timeout", "25h", "route set handler_timeout of GET /: \"25h\" is not a time up to 24h"},
    {"handler_timeout", "5", "route set handler_timeout of GET /: \"5\" is not a time up to 24h: it needs a unit, 5s"},
};

static void check_route_options(void)
{
    for (size_t i = 0; i < sizeof route_options / sizeof *route_options; i++) {
        forker_server *server = forker_server_new();
        int code = route_options[i].sentence == NULL ? FORKER_OK : FORKER_E_OPTION;
        forker_route *route;
        CHECK_CODE(forker_server_route(server, "GET", "/", handler, NULL, &route), FORKER_OK);
        CHECK_CODE(forker_route_set(route, route_options[i].name, route_options[i].value), code);
        CHECK_TEXT(forker_server_error(server), code == FORKER_OK ? "" : route_options[i].sentence);
        forker_server_free(server);
    }
    forker_server *server = forker_server_new();
    forker_route *refused;
    CHECK_CODE(forker_server_route(server, "GET", "users", handler, NULL, &refused), FORKER_E_ROUTE);
    CHECK(refused == NULL);
    CHECK_CODE(forker_route_set(refused, "body", "stream"), FORKER_E_INVALID);
    CHECK(strstr(forker_server_error(server), "users") != NULL);
    forker_server_free(server);
}

static void check_run(void)
{
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_stop(server, 0), FORKER_OK);
    CHECK_CODE(forker_server_run(server), FORKER_E_STATE);
    CHECK(strstr(forker_server_error(server), "no route") != NULL);
    CHECK_CODE(forker_server_handle(server, "GET", "/", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_run(server), FORKER_E_STATE);
    CHECK(strstr(forker_server_error(server), "no listening socket") != NULL);
    forker_server_free(server);
}

/* Runs a server that is set up whole, but for what it is told of. Gives the sentence. */
static const char *run_whole(forker_server *server)
{
    CHECK_CODE(forker_server_handle(server, "GET", "/", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_run(server), FORKER_E_SETUP);
    return forker_server_error(server);
}

static void check_failures_taken_back(void)
{
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_clear_error(server), FORKER_OK);
    CHECK_CODE(forker_server_set(server, "workers", "-1"), FORKER_E_OPTION);
    CHECK_CODE(forker_server_handle(server, "get", "/", handler, NULL), FORKER_E_ROUTE);
    CHECK_CODE(forker_server_clear_error(server), FORKER_OK);
    CHECK_TEXT(forker_server_error(server), "");
    CHECK_CODE(forker_server_clear_error(server), FORKER_OK); /* once for one */
    CHECK(strstr(run_whole(server), "a setup call failed before: set: workers: ") != NULL);
    forker_server_free(server);

    setenv("FORKER_WORKERS", "many", 1);
    server = forker_server_new();
    unsetenv("FORKER_WORKERS");
    CHECK_CODE(forker_server_clear_error(server), FORKER_OK); /* no call of the program's has failed */
    CHECK_CODE(forker_server_listen(server, "nonsense"), FORKER_E_ADDRESS);
    CHECK_CODE(forker_server_clear_error(server), FORKER_OK);
    CHECK(strstr(run_whole(server), "environment: FORKER_WORKERS=\"many\"") != NULL);
    forker_server_free(server);
}

static void check_method_limit(void)
{
    char method[16];
    forker_server *server = forker_server_new();
    for (int i = 0; i < 54; i++) {
        snprintf(method, sizeof method, "M%d", i);
        CHECK_CODE(forker_server_handle(server, method, "/", handler, NULL), FORKER_OK);
    }
    CHECK_CODE(forker_server_handle(server, "GET,M0,M53", "/other", handler, NULL), FORKER_OK);
    CHECK_CODE(forker_server_handle(server, "POST,ONE-MORE", "/other", handler, NULL), FORKER_E_LIMIT);
    CHECK_CODE(forker_server_handle(server, "POST", "/other", handler, NULL), FORKER_OK);
    forker_server_free(server);
}

/* Many routes are no trouble; too many are an error. */
static void check_route_limit(void)
{
    forker_server *server = forker_server_new();
    char pattern[32];
    for (int i = 0; i < 65535; i++) {
        snprintf(pattern, sizeof pattern, "/%d", i);
        int code = forker_server_handle(server, "GET", pattern, handler, NULL);
        if (code != FORKER_OK) {
            CHECK_CODE(code, FORKER_OK);
            break;
        }
    }
    CHECK_CODE(forker_server_handle(server, "GET", "/more", handler, NULL), FORKER_E_LIMIT);
    forker_server_free(server);
}

int main(int argc, char **argv)
{
    check_results();
    check_table();
    check_option_sentences();
    check_advice();
    check_log_fields();
    check_environment();
    check_routes();
    check_dead_routes();
    check_route_options();
    check_run();
    check_failures_taken_back();
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        check_method_limit();
        check_route_limit();
    }
    return check_exit_status();
}
