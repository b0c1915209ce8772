/*
 * A server with certificates: secure <address> [<chain> <key>] ... FORKER_TEST_CA names the CAs of its clients,
 * FORKER_TEST_MEMORY has the certificates be given from memory, FORKER_TEST_ALSO is one more address, FORKER_TEST_CONFIG a file
 * of options.
 */
#include "program.h"

#include <pthread.h>
#include <stdlib.h>

static int greet(forker_request *req, void *user)
{
    (void)user;
    return response_text(req, forker_request_scheme(req, NULL));
}

static int who(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d", (int)forker_request_worker(req));
    return response_text(req, text);
}

static int body(forker_request *req, void *user)
{
    size_t len;
    (void)user;
    const char *bytes = forker_request_body(req, &len);
    return forker_respond(req, 200, "application/octet-stream", bytes, len);
}

/* What is known of the TLS, one fact a line. */
static int facts(forker_request *req, void *user)
{
    char line[512];
    (void)user;
    forker_response_header_set(req, "Content-Type", "text/plain");
    for (int what = -1; what <= FORKER_TLS_CLIENT_NAMES + 1; what++) {
        size_t len;
        const char *text = forker_request_tls(req, what, &len);
        snprintf(line, sizeof line, "%d %zu %s\n", what, len,
                 what == FORKER_TLS_CLIENT_DER ? ""
                 : text != NULL                ? text
                                               : "NULL");
        forker_response_write(req, line, strlen(line));
    }
    return FORKER_OK;
}

static int chain(forker_request *req, void *user)
{
    (void)user;
    const char *text = forker_request_tls(req, FORKER_TLS_CLIENT_CHAIN_PEM, NULL);
    return response_text(req, text != NULL ? text : "none");
}

static int hijack(forker_request *req, void *user)
{
    int fd = -1;
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d %d", forker_request_hijack(req, &fd, NULL, NULL), fd);
    return response_text(req, text);
}

static int hint(forker_request *req, void *user)
{
    (void)user;
    int code = forker_respond_interim(req, 103, "Link", "</style.css>");
    return code == FORKER_OK ? response_text(req, "hinted") : code;
}

/* How handshakes have ended, over all workers and of this one. */
static int handshakes(forker_request *req, void *user)
{
    forker_stats all = {.size = sizeof all};
    forker_worker_stats own = {.size = sizeof own};
    char line[64];
    forker_server_stats(user, &all);
    forker_server_worker_stats(user, (size_t)forker_request_worker(req), &own);
    forker_response_header_set(req, "Content-Type", "text/plain");
    for (int i = 0; i < FORKER_HANDSHAKE_ENDS; i++) {
        snprintf(line, sizeof line, "%d/%d ", (int)all.handshakes[i], (int)own.handshakes[i]);
        forker_response_write(req, line, strlen(line));
    }
    return FORKER_OK;
}

static int file(forker_request *req, void *user)
{
    (void)user;
    return forker_respond_file(req, 200, "application/octet-stream", getenv("FORKER_TEST_FILE"));
}

/* The facts of a connection that may be gone. */
static int later(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    int code = forker_request_defer(req, &handle);
    if (code != FORKER_OK) {
        return code;
    }
    facts(forker_deferred_request(handle), NULL);
    forker_deferred_send(handle);
    return FORKER_DEFERRED;
}

static int give_from_memory(forker_server *server, const char *chain_path, const char *key_path)
{
    static char texts[2][65536];
    const char *paths[2] = {chain_path, key_path};
    size_t lens[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        FILE *stream = fopen(paths[i], "r");
        if (stream == NULL) {
            return FORKER_E_SYSTEM;
        }
        lens[i] = fread(texts[i], 1, sizeof texts[i], stream);
        fclose(stream);
    }
    return forker_server_certificate_pem(server, "memory", texts[0], lens[0], texts[1], lens[1]);
}

static int tell_reload(forker_server *server, void *user)
{
    (void)server;
    (void)user;
    puts("on_reload");
    fflush(stdout);
    return FORKER_OK;
}

/* Processes that are forked while there is such a file go no further. */
static void hold(void)
{
    while (access(getenv("FORKER_TEST_HOLD"), F_OK) == 0) {
        pause();
    }
}

int main(int argc, char **argv)
{
    forker_server *server = forker_server_new();
    if (getenv("FORKER_TEST_HOLD") != NULL && pthread_atfork(NULL, NULL, hold) != 0) {
        return 2;
    }
    if (getenv("FORKER_TEST_CONFIG") != NULL) {
        forker_server_load(server, getenv("FORKER_TEST_CONFIG"));
    }
    forker_server_handle(server, "GET", "/", greet, NULL);
    forker_server_handle(server, "GET", "/who", who, NULL);
    forker_server_handle(server, "GET", "/handshakes", handshakes, server);
    forker_server_handle(server, "GET", "/.well-known/acme-challenge/*token", greet, NULL);
    forker_server_handle(server, "POST", "/body", body, NULL);
    forker_server_handle(server, "GET", "/facts", facts, NULL);
    forker_server_handle(server, "GET", "/later", later, NULL);
    forker_server_handle(server, "GET", "/chain", chain, NULL);
    forker_server_handle(server, "GET", "/hijack", hijack, NULL);
    forker_server_handle(server, "GET", "/hint", hint, NULL);
    forker_server_handle(server, "GET", "/file", file, NULL);
    for (int i = 2; i + 1 < argc; i += 2) {
        if (getenv("FORKER_TEST_MEMORY") != NULL) {
            give_from_memory(server, argv[i], argv[i + 1]);
        } else {
            forker_server_certificate(server, argv[i], argv[i + 1]);
        }
    }
    if (getenv("FORKER_TEST_OCSP") != NULL) {
        forker_server_certificate_ocsp(server, argv[2], getenv("FORKER_TEST_OCSP"));
    }
    if (getenv("FORKER_TEST_CA") != NULL) {
        forker_server_client_ca(server, getenv("FORKER_TEST_CA"));
    }
    if (getenv("FORKER_TEST_ALSO") != NULL) {
        forker_server_listen(server, getenv("FORKER_TEST_ALSO"));
    }
    forker_server_listen(server, argv[1]);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_on_reload(server, tell_reload, NULL);
    return serve_to_end(server);
}
