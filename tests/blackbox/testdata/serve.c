/* The server that most tests talk to: serve <address> ... Options come from the environment. */
#define _GNU_SOURCE

#include "ledgercalls.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

static forker_server *server;

static long number_param(forker_request *req, const char *name)
{
    const char *text = forker_request_param(req, name, NULL);
    return text != NULL ? strtol(text, NULL, 10) : 0;
}

static void sleep_ms(long ms)
{
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

static int greet(forker_request *req, void *user)
{
    return response_text(req, user);
}

/* "0 71": worker and pid. */
static int who(forker_request *req, void *user)
{
    char text[64];
    (void)user;
    snprintf(text, sizeof text, "%d %ld", (int)forker_request_worker(req), (long)getpid());
    return response_text(req, text);
}

static int body(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    const char *bytes = forker_request_body(req, &len);
    return forker_respond(req, 200, "application/octet-stream", bytes, len);
}

/* Tells that it has begun, so that a test can act while it runs. */
static int slow(forker_request *req, void *user)
{
    (void)user;
    tell("slow begins\n");
    sleep_ms(number_param(req, "ms"));
    return response_text(req, "slow\n");
}

static int hang(forker_request *req, void *user)
{
    volatile int always = 1;
    (void)req;
    (void)user;
    tell("hang begins\n");
    while (always) {
        pause();
    }
    return FORKER_OK;
}

/* Loops without a system call: only SIGKILL ends it. */
static int spin(forker_request *req, void *user)
{
    volatile int always = 1;
    (void)req;
    (void)user;
    tell("spin begins\n");
    while (always) {
    }
    return FORKER_OK;
}

static int size(forker_request *req, void *user)
{
    size_t len = (size_t)number_param(req, "bytes");
    char *bytes = malloc(len + 1);
    (void)user;
    if (bytes == NULL) {
        return FORKER_E_MEMORY;
    }
    memset(bytes, 'x', len);
    int code = forker_respond(req, 200, "text/plain", bytes, len);
    free(bytes);
    return code;
}

/* Returns a number without having answered. */
static int result(forker_request *req, void *user)
{
    (void)user;
    return (int)number_param(req, "code");
}

static int status(forker_request *req, void *user)
{
    (void)user;
    return forker_respond(req, (int)number_param(req, "code"), NULL, NULL, 0);
}

static int end(forker_request *req, void *user)
{
    const char *how = forker_request_param(req, "how", NULL);
    (void)user;
    if (strcmp(how, "exit") == 0) {
        _exit((int)strtol(forker_request_query(req, NULL), NULL, 10));
    }
    if (strcmp(how, "abort") == 0) {
        abort();
    }
    raise((int)strtol(forker_request_query(req, NULL), NULL, 10));
    return FORKER_OK;
}

static int environment(forker_request *req, void *user)
{
    const char *value = getenv(forker_request_param(req, "name", NULL));
    (void)user;
    return response_text(req, value != NULL ? value : "not set");
}

static int stop(forker_request *req, void *user)
{
    (void)user;
    forker_server_stop(server, (int32_t)number_param(req, "ms"));
    return response_text(req, "stopping\n");
}

static int log_line(forker_request *req, void *user)
{
    (void)user;
    const char *text = forker_request_query_param(req, "text", NULL);
    int code = forker_server_log(server, (int)number_param(req, "level"), text);
    return code != FORKER_OK ? code : response_text(req, "logged\n");
}

/*
 * A worker_ready hook: "ready 0 71 123456789", the last is CLOCK_MONOTONIC in ns. One that dies before has failed to
 * boot.
 */
static int tell_ready(forker_server *unused, int32_t worker, void *user)
{
    char line[64];
    struct timespec now;
    (void)unused;
    (void)user;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(line, sizeof line, "ready %d %ld %lld\n", (int)worker, (long)getpid(),
             (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    tell(line);
    return FORKER_OK;
}

static const struct {
    const char *methods, *pattern;
    forker_handler handler;
    const char *user;
} routes[] = {
    {"GET,POST", "/", greet, "hello\n"},
    {"GET", "/who", who, NULL},
    {"GET", "/ledger", response_ledger, NULL},
    {"POST,PUT", "/body", body, NULL},
    {"GET", "/slow/:ms", slow, NULL},
    {"GET", "/hang", hang, NULL},
    {"GET", "/spin", spin, NULL},
    {"GET", "/size/:bytes", size, NULL},
    {"GET", "/result/:code", result, NULL},
    {"GET", "/status/:code", status, NULL},
    {"GET", "/end/:how", end, NULL},
    {"GET", "/environment/:name", environment, NULL},
    {"GET", "/stop/:ms", stop, NULL},
    {"GET", "/log/:level", log_line, NULL},
};

int main(int argc, char **argv)
{
    setenv("SET_BEFORE_RUN", "seen", 1);
    server = forker_server_new();
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        forker_server_handle(server, routes[i].methods, routes[i].pattern, routes[i].handler, (void *)routes[i].user);
    }
    add_ledger_calls(server);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_on_worker_ready(server, tell_ready, NULL);
    return serve_to_end(server);
}
