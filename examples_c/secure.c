/*
 * HTTPS: secure [address [chain key]]. tools/dev-certificate makes a certificate to try it with:
 *
 *     tools/dev-certificate localhost && build/secure && curl --cacert localhost.pem https://localhost:8443/
 */
#include <forker.h>

#include <stdio.h>

static int greet(forker_request *req, void *user) {
    char text[300];
    const char *client = forker_request_tls(req, FORKER_TLS_CLIENT_SUBJECT, NULL);
    (void)user;
    int len = snprintf(text, sizeof text, "hello %.100s, over %s with %s, HTTP/%d\n",
                       client != NULL ? client : "a client without a certificate",
                       forker_request_tls(req, FORKER_TLS_VERSION, NULL),
                       forker_request_tls(req, FORKER_TLS_CIPHER, NULL), forker_request_version(req) / 10);
    return forker_respond(req, 200, "text/plain", text, (size_t)len);
}

int main(int argc, char **argv) {
    char address[256];
    snprintf(address, sizeof address, "%s?tls=on", argc > 1 ? argv[1] : ":8443");

    forker_server *srv = forker_server_new();
    forker_server_set(srv, "http2", "on");
    forker_server_handle(srv, "GET", "/", greet, NULL);
    forker_server_listen(srv, address);
    forker_server_certificate(srv, argc > 3 ? argv[2] : "localhost.pem", argc > 3 ? argv[3] : "localhost.key");
    int code = forker_server_run(srv);
    forker_server_free(srv);
    return code == FORKER_OK ? 0 : 1;
}
