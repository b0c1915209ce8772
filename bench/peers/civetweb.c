/* CivetWeb: a thread for each connection. */
#include <civetweb.h>
#include <unistd.h>

#include "responses.h"

/* CivetWeb's threads have stacks of 100 KiB, thread-local variables included. */
enum { HEAD_MOST = 512, COPIED_MOST = 4 << 10, READ_SIZE = 16 << 10 };

/* Head and small body leave by one write. */
static void send_response(struct mg_connection *connection, const char *body, size_t len)
{
    char out[HEAD_MOST + COPIED_MOST];
    int head =
        snprintf(out, HEAD_MOST,
                 "HTTP/1.1 200 OK\r\nServer: civetweb\r\nDate: %s\r\nContent-Type: " RESPONSE_TYPE
                 "\r\nContent-Length: %zu\r\n%s\r\n",
                 date_now(), len, mg_get_header(connection, "Connection") != NULL ? "Connection: close\r\n" : "");
    size_t copied = len <= COPIED_MOST ? len : 0;
    memcpy(out + head, body, copied);
    mg_write(connection, out, (size_t)head + copied);
    if (copied < len) {
        mg_write(connection, body, len);
    }
}

static int serve(struct mg_connection *connection, void *user)
{
    char buffer[READ_SIZE], text[32];
    const struct mg_request_info *info = mg_get_request_info(connection);
    const response *found = find_response(info->local_uri, strlen(info->local_uri));
    (void)user;
    if (found != NULL) {
        send_response(connection, found->data, found->len);
        return 200;
    }
    size_t count = 0;
    for (int got; (got = mg_read(connection, buffer, sizeof buffer)) > 0;) {
        count += (size_t)got;
    }
    send_response(connection, text, (size_t)snprintf(text, sizeof text, "%zu", count));
    return 200;
}

int main(int argc, char **argv)
{
    char port[32], threads[16];
    if (argc != 4) {
        return 2;
    }
    fill_responses();
    (void)snprintf(port, sizeof port, "127.0.0.1:%s", argv[1]);
    (void)snprintf(threads, sizeof threads, "%d", atoi(argv[2]) + 4);
    const char *options[] = {"listening_ports",       port,    "num_threads", threads,
                             "enable_keep_alive",     "yes",   "tcp_nodelay", "1",
                             "keep_alive_timeout_ms", "75000", NULL};
    struct mg_callbacks callbacks = {0};
    block_term();
    struct mg_context *context = mg_start(&callbacks, NULL, options);
    if (context == NULL) {
        return 1;
    }
    mg_set_request_handler(context, "/", serve, NULL);
    wait_for_term();
    _exit(0); /* mg_stop() waits for threads that wait for clients */
}
