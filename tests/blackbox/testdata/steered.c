/*
 * A server that is steered while it runs: steered <file> <address> ... The first line of the file is its revision, read
 * in main and by the on_reload hook; "refuse..." is refused there, with "broken..." no worker gets up, with "half..."
 * only worker 0. FORKER_TEST_CONFIG names a file of options.
 */
#define _GNU_SOURCE

#include "ledgercalls.h"

#include <stdlib.h>
#include <string.h>

static forker_server *server;
static const char *file;
static char revision[64];

static int read_revision(void)
{
    char text[sizeof revision] = "";
    FILE *stream = fopen(file, "r");
    if (stream == NULL || fgets(text, sizeof text, stream) == NULL || strncmp(text, "refuse", 6) == 0) {
        if (stream != NULL) {
            fclose(stream);
        }
        return -1;
    }
    fclose(stream);
    memcpy(revision, text, sizeof revision);
    return 0;
}

static int on_reload(forker_server *unused, void *user)
{
    (void)unused;
    (void)user;
    tell("on_reload\n");
    return read_revision();
}

static int on_reopen(forker_server *unused, void *user)
{
    char line[64];
    (void)unused;
    (void)user;
    snprintf(line, sizeof line, "on_reopen %ld\n", (long)getpid());
    tell(line);
    return 0;
}

static int worker_init(forker_server *unused, int32_t worker, void *user)
{
    while (strncmp(revision, "half", 4) == 0 && worker > 0) {
        pause();
    }
    return strncmp(revision, "broken", 6) == 0 ? -1 : tell_worker(unused, worker, user);
}

static int show(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, revision);
}

static int option(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, forker_server_get(server, forker_request_param(req, "name", NULL)));
}

static int act(forker_request *req, void *user)
{
    char text[16];
    const char *what = forker_request_param(req, "what", NULL);
    int code = FORKER_E_INVALID;
    (void)user;
    if (strcmp(what, "reload") == 0) {
        code = forker_server_reload(server);
    } else if (strcmp(what, "drain") == 0) {
        code = forker_server_drain(server);
    } else if (strcmp(what, "reopen") == 0) {
        code = forker_server_reopen(server);
    } else if (strcmp(what, "upgrade") == 0) {
        code = forker_server_upgrade(server);
    } else if (strcmp(what, "scale") == 0) {
        code = forker_server_scale(server, (int32_t)strtol(forker_request_query(req, NULL), NULL, 10));
    }
    snprintf(text, sizeof text, "%d", code);
    return response_text(req, text);
}

/* Answers when it is told that the worker is being drained. */
static int patient(forker_request *req, void *user)
{
    (void)user;
    tell(forker_request_draining(req) ? "draining already\n" : "patient begins\n");
    for (int i = 0; i < 20000 && !forker_request_draining(req); i++) {
        usleep(1000);
    }
    return response_text(req, forker_request_draining(req) ? "draining" : "not draining");
}

static char *volatile leaked; /* seen by the compiler as used */

/* Keeps so many MiB of memory for ever, and touches it. */
static int leak(forker_request *req, void *user)
{
    size_t len = (size_t)strtol(forker_request_query(req, NULL), NULL, 10) << 20;
    (void)user;
    char *memory = malloc(len);
    if (memory != NULL) {
        leaked = memset(memory, 1, len);
    }
    return response_text(req, memory != NULL ? "leaked" : "out of memory");
}

int main(int argc, char **argv)
{
    file = argv[1];
    if (read_revision() != 0) {
        return 2;
    }
    server = forker_server_new();
    if (getenv("FORKER_TEST_CONFIG") != NULL) {
        forker_server_load(server, getenv("FORKER_TEST_CONFIG"));
    }
    for (int i = 2; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_handle(server, "GET", "/", show, NULL);
    forker_server_handle(server, "GET", "/option/:name", option, NULL);
    forker_server_handle(server, "GET", "/act/:what", act, NULL);
    forker_server_handle(server, "GET", "/ledger", response_ledger, NULL);
    add_ledger_calls(server);
    forker_server_handle(server, "GET", "/leak", leak, NULL);
    forker_server_handle(server, "GET", "/patient", patient, NULL);
    forker_server_on_reload(server, on_reload, NULL);
    forker_server_on_reopen(server, on_reopen, NULL);
    forker_server_on_worker_init(server, worker_init, NULL);
    return serve_to_end(server);
}
