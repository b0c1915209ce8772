/* h2o as a library, with its own event loop, in one thread. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "responses.h"
#define H2O_USE_EPOLL 1
#include <h2o.h>
#include <openssl/ssl.h>

static h2o_globalconf_t config;
static h2o_context_t context;
static h2o_accept_ctx_t accept_context;

static int respond(h2o_req_t *req, h2o_iovec_t body)
{
    static h2o_generator_t generator = {NULL, NULL};
    req->res.status = 200;
    req->res.reason = "OK";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, H2O_STRLIT(RESPONSE_TYPE));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
    return 0;
}

/* -1 leaves the request to the next handler, which sends files. */
static int serve(h2o_handler_t *handler, h2o_req_t *req)
{
    const response *found = find_response(req->path.base, req->path.len);
    (void)handler;
    if (found != NULL) {
        return respond(req, h2o_iovec_init(found->data, found->len));
    }
    if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("POST"))) {
        char *text = h2o_mem_alloc_pool(&req->pool, 32);
        return respond(req, h2o_iovec_init(text, (size_t)snprintf(text, 32, "%zu", req->entity.len)));
    }
    return -1;
}

static void on_accept(h2o_socket_t *listener, const char *error)
{
    h2o_socket_t *connection;
    for (int i = 0; error == NULL && i < 16 && (connection = h2o_evloop_socket_accept(listener)) != NULL; i++) {
        h2o_accept(&accept_context, connection);
    }
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 4096) != 0) {
        return -1;
    }
    h2o_socket_t *listener = h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_accept);
    return 0;
}

/* The same suite and group as nginx.conf has. NULL: no certificate, and so no TLS. */
static SSL_CTX *make_tls(const char *directory)
{
    char chain[4096], key[4096];
    (void)snprintf(chain, sizeof chain, "%s/tls.pem", directory);
    (void)snprintf(key, sizeof key, "%s/tls.key", directory);
    if (access(chain, F_OK) != 0) {
        return NULL;
    }
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") != 1 || SSL_CTX_set1_groups_list(tls, "X25519") != 1 ||
        SSL_CTX_use_certificate_chain_file(tls, chain) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1) {
        exit(1);
    }
    h2o_ssl_register_alpn_protocols(tls, h2o_http2_alpn_protocols);
    return tls;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    fill_responses();
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&config);
    h2o_hostconf_t *host = h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    h2o_create_handler(path, sizeof(h2o_handler_t))->on_req = serve;
    h2o_file_register(path, argv[3], NULL, NULL, 0);
    h2o_context_init(&context, h2o_evloop_create(), &config);
    accept_context.ctx = &context;
    accept_context.hosts = config.hosts;
    accept_context.ssl_ctx = make_tls(argv[3]);
    if (listen_on(atoi(argv[1])) != 0) {
        return 1;
    }
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0) {
    }
    return 1;
}
