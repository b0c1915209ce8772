/* GNU libmicrohttpd with one epoll thread, its fastest way to serve. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "responses.h"

static struct MHD_Response *ready[RESPONSES];
static const char *directory;

static void add_fields(struct MHD_Response *response)
{
    MHD_add_response_header(response, "Server", "libmicrohttpd");
    MHD_add_response_header(response, "Content-Type", RESPONSE_TYPE);
}

/* Sends a response that is used once. */
static enum MHD_Result send_once(struct MHD_Connection *connection, struct MHD_Response *response)
{
    add_fields(response);
    enum MHD_Result result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

/* Is called at the head, for each piece of the body, and at its end. */
static enum MHD_Result receive_upload(struct MHD_Connection *connection, size_t *piece, void **state)
{
    char text[32];
    if (*state == NULL) {
        *state = calloc(1, sizeof(size_t));
        return *state != NULL ? MHD_YES : MHD_NO;
    }
    size_t *count = *state;
    if (*piece > 0) {
        *count += *piece;
        *piece = 0;
        return MHD_YES;
    }
    int digits = snprintf(text, sizeof text, "%zu", *count);
    return send_once(connection, MHD_create_response_from_buffer((size_t)digits, text, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result send_file(struct MHD_Connection *connection)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/files/1m", directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? MHD_NO : send_once(connection, MHD_create_response_from_fd(RESPONSE_MOST, fd));
}

static enum MHD_Result serve(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                             const char *version, const char *data, size_t *data_size, void **state)
{
    (void)user, (void)version, (void)data;
    static size_t begun;
    if (strcmp(method, "POST") == 0) {
        return receive_upload(connection, data_size, state);
    }
    if (*state == NULL) { /* a response at the first call closes the connection */
        *state = &begun;
        return MHD_YES;
    }
    *state = NULL; /* nothing to free */
    const response *found = find_response(url, strlen(url));
    if (found == NULL) {
        return send_file(connection);
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, ready[found - responses]);
}

static void forget_upload(void *user, struct MHD_Connection *connection, void **state,
                          enum MHD_RequestTerminationCode why)
{
    (void)user, (void)connection, (void)why;
    free(*state);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    fill_responses();
    directory = argv[3];
    for (int i = 0; i < RESPONSES; i++) {
        ready[i] = MHD_create_response_from_buffer(responses[i].len, (void *)(size_t)responses[i].data,
                                                   MHD_RESPMEM_PERSISTENT);
        add_fields(ready[i]);
    }
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)signal(SIGPIPE, SIG_IGN);
    block_term();
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TURBO, 0, NULL, NULL, serve,
                                                 NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
                                                 (unsigned)atoi(argv[2]) + 64, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096U,
                                                 MHD_OPTION_NOTIFY_COMPLETED, forget_upload, NULL, MHD_OPTION_END);
    if (daemon == NULL) {
        return 1;
    }
    wait_for_term();
    MHD_stop_daemon(daemon);
    return 0;
}
