/*
 * Requests that a before function has deferred, and whose server has stopped in the program's own process before their
 * handle is used up: for each way to do so, tells how often the done function was called before and after.
 */
#include "program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static forker_deferred kept; /* atomic */
static int dones, destroyed, slot;

static void destroy(void *value)
{
    (void)value;
    destroyed++;
}

static int defer(forker_request *req, void *user)
{
    forker_deferred handle;
    (void)user;
    if (forker_request_set(req, slot, &slot) != FORKER_OK || forker_request_defer(req, &handle) != FORKER_OK) {
        return FORKER_E_INTERNAL;
    }
    __atomic_store_n(&kept, handle, __ATOMIC_RELEASE);
    return FORKER_DEFERRED;
}

static void count_done(forker_request *req, const forker_outcome *outcome, void *user)
{
    (void)user;
    if (strcmp(forker_request_path(req, NULL), "/group/a") == 0 && forker_request_get(req, slot) == &slot &&
        outcome->status == 0 && outcome->reason == FORKER_CLOSE_SHUTDOWN) {
        dones++;
    }
}

static int never(forker_request *req, void *user)
{
    (void)user;
    tell("the handler was called\n");
    return response_text(req, "never");
}

static forker_server *start_server(void)
{
    forker_server *server = forker_server_new();
    forker_server_set(server, "workers", "0");
    forker_server_listen(server, "127.0.0.1:0");
    slot = forker_server_slot(server, destroy);
    forker_group *group = forker_server_group(server, "/group");
    forker_group_use(group, defer, count_done, NULL);
    forker_group_handle(group, "GET", "/a", never, NULL);
    return forker_server_start(server) == FORKER_OK ? server : NULL;
}

/* Sends a request, and waits until it is deferred. Returns the client's socket. */
static int ask(forker_server *server)
{
    static const char request[] = "GET /group/a HTTP/1.1\r\nHost: t\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)atoi(strrchr(forker_server_address(server, 0), ':') + 1));
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) != 0 ||
        write(client, request, sizeof request - 1) < 0) {
        tell("no connection\n");
        exit(3);
    }
    while (__atomic_load_n(&kept, __ATOMIC_ACQUIRE) == 0) {
        (void)poll(NULL, 0, 1);
    }
    return client;
}

static int use_up(int way)
{
    switch (way) {
    case 0:
        return forker_deferred_next(kept);
    case 1:
        return forker_deferred_drop(kept);
    case 2:
        return forker_deferred_respond(kept, 200, NULL, "", 0);
    default:
        return 0; /* the end of the server does it */
    }
}

int main(void)
{
    for (int way = 0; way < 4; way++) {
        char line[128];
        dones = destroyed = 0;
        kept = 0;
        forker_server *server = start_server();
        if (server == NULL) {
            return 1;
        }
        int client = ask(server);
        forker_server_stop(server, 0);
        forker_server_wait(server, -1);
        int before = dones + destroyed, code = use_up(way);
        forker_server_free(server);
        (void)close(client);
        snprintf(line, sizeof line, "way %d: %d, then %d and %d, result %d\n", way, before, dones, destroyed, code);
        tell(line);
    }
    return 0;
}
