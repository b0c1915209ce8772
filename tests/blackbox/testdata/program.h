/* What the test programs share: how they tell the test, on stdout, what it waits for. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <forker.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One write(2) for each line: the workers share the pipe. Nobody may read it any more. */
static inline void tell(const char *line)
{
    if (write(STDOUT_FILENO, line, strlen(line)) < 0 && errno != EPIPE) {
        _exit(3);
    }
}

/* "listening 0 127.0.0.1:40123" for each listening socket. */
static inline void tell_addresses(forker_server *server)
{
    char line[256];
    for (size_t i = 0; forker_server_address(server, i) != NULL; i++) {
        snprintf(line, sizeof line, "listening %zu %s\n", i, forker_server_address(server, i));
        tell(line);
    }
}

/* A worker_init hook: "worker 0 71". */
static inline int tell_worker(forker_server *server, int32_t worker, void *user)
{
    char line[64];
    (void)server;
    (void)user;
    snprintf(line, sizeof line, "worker %d %ld\n", (int)worker, (long)getpid());
    tell(line);
    return FORKER_OK;
}

/* The certificate for addresses with tls=on, of tests that run over TLS as well (overtls_test.go). */
static inline void use_certificate(forker_server *server)
{
    const char *chain = getenv("FORKER_TEST_CHAIN"), *key = getenv("FORKER_TEST_KEY");
    if (chain != NULL && key != NULL) {
        forker_server_certificate(server, chain, key);
    }
}

/* Runs the server, tells "run returned 0: " with the error sentence behind, and gives main's exit status. */
static inline int run_and_tell(forker_server *server)
{
    char line[1024];
    use_certificate(server);
    int code = forker_server_run(server);
    snprintf(line, sizeof line, "run returned %d: %s\n", code, forker_server_error(server));
    tell(line);
    return code == FORKER_OK ? 0 : 1;
}

/* What is left to do when a server is set up. Gives main's exit status. */
static inline int serve_to_end(forker_server *server)
{
    tell_addresses(server);
    int exit_status = run_and_tell(server);
    forker_server_free(server);
    return exit_status;
}

static inline int response_text(forker_request *req, const char *text)
{
    return forker_respond(req, 200, "text/plain", text, strlen(text));
}

#endif
