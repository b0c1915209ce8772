/* What this process has from the one that it is to replace. */
#include "setup/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/log.h"
#include "setup/listener.h"
#include "setup/unixsocket.h"

enum { SOCKETS_MAX = 256 };

typedef struct {
    int fd;    /* -1: taken in */
    char kind; /* "m", "s" or "-" */
    char address[FK_SOURCE_MAX];
} passed_socket;

static struct {
    pid_t from;
    int channel;
    bool taken_over; /* the other one was told; the channel is open until it has answered */
    int tickets;     /* keys of session tickets (ticket.h); -1: none, or taken in */
    passed_socket sockets[SOCKETS_MAX];
    uint32_t count;
} inherited = {.channel = -1, .tickets = -1};

/* Undoes the encoding of an address. false: it is too long. */
static bool decode(const char *text, size_t len, char *address)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n + 1 >= FK_SOURCE_MAX) {
            return false;
        }
        bool coded = text[i] == '%' && i + 2 < len;
        address[n++] = !coded ? text[i] : text[i + 1] == '3' ? ';' : '%';
        i += coded ? 2 : 0;
    }
    address[n] = '\0';
    return n > 0;
}

/* Reads "<fd>t tickets". */
static bool read_tickets(const char *text)
{
    int fd;
    char kind;
    if (sscanf(text, "%d%c", &fd, &kind) != 2 || kind != 't' || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return false;
    }
    inherited.tickets = fd;
    return true;
}

/* Reads "<fd><kind> <address>". What is not as it must be is no socket of ours. */
static void read_socket(const char *text, size_t len)
{
    passed_socket *next = &inherited.sockets[inherited.count];
    int start = 0;
    if (inherited.count < SOCKETS_MAX && sscanf(text, "%d%c %n", &next->fd, &next->kind, &start) == 2 && start > 0 &&
        (size_t)start < len && fk_listener_listens(next->fd) &&
        decode(text + start, len - (size_t)start, next->address)) {
        (void)fcntl(next->fd, F_SETFD, FD_CLOEXEC);
        inherited.count++;
    }
}

/* While the library is loaded: programs that are started before the server is set up must not get the descriptors. */
__attribute__((constructor)) static void read_inherited(void)
{
    const char *text = secure_getenv(FK_INHERITED_VARIABLE);
    int version, heir, from, channel;
    if (text == NULL || sscanf(text, "%d %d %d %d", &version, &heir, &from, &channel) != 4 ||
        version != FK_INHERITED_VERSION || heir != getpid() || fcntl(channel, F_SETFD, FD_CLOEXEC) != 0) {
        return;
    }
    inherited.from = (pid_t)from;
    inherited.channel = channel;
    for (text = strchr(text, ';'); text != NULL; text = strchr(text, ';')) {
        text++;
        if (!read_tickets(text)) {
            read_socket(text, strcspn(text, ";"));
        }
    }
}

bool fk_inherited_is_pending(void)
{
    return inherited.channel >= 0 && !inherited.taken_over;
}

bool fk_inherited_is_spoken_for(void)
{
    return inherited.channel >= 0;
}

int fk_inherited_channel(void)
{
    return inherited.taken_over ? inherited.channel : -1;
}

bool fk_inherited_is_answered(void)
{
    char nothing;
    if (fk_inherited_channel() < 0 || (recv(inherited.channel, &nothing, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)) {
        return false;
    }
    fk_inherited_forget();
    return true;
}

int fk_inherited_tickets(void)
{
    int fd = inherited.tickets;
    inherited.tickets = -1;
    return fd;
}

pid_t fk_inherited_from(void)
{
    return inherited.from;
}

bool fk_inherited_has(const char *address)
{
    for (uint32_t i = 0; i < inherited.count; i++) {
        if (inherited.sockets[i].fd >= 0 && strcmp(inherited.sockets[i].address, address) == 0) {
            return true;
        }
    }
    return false;
}

/* One more socket of the listener that was taken in last. */
static void add_shard(forker_server *server, int fd)
{
    fk_listener *listener = server->listener_count > 0 ? &server->listeners[server->listener_count - 1] : NULL;
    if (listener != NULL && listener->shard_count < FK_SHARDS_MAX) {
        listener->shards[listener->shard_count++] = fd;
    } else {
        (void)close(fd);
    }
}

static int take_in(const fk_address *address, const passed_socket *socket)
{
    int shared = 0;
    socklen_t size = sizeof shared;
    fk_listener listener = {.fd = socket->fd, .borrowed = -1, .inherited = socket->kind == 'm'};
    (void)getsockopt(socket->fd, SOL_SOCKET, SO_REUSEPORT, &shared, &size);
    listener.sharded = shared != 0 && fk_server_option(address->server, FK_OPTION_REUSEPORT) != 0;
    return fk_listener_adopt(address, &listener);
}

int fk_inherited_listen(const fk_address *address)
{
    int code = FORKER_OK;
    for (uint32_t i = 0; i < inherited.count && code == FORKER_OK; i++) {
        passed_socket *next = &inherited.sockets[i];
        if (next->fd < 0 || strcmp(next->address, address->source) != 0) {
            continue;
        }
        if (next->kind == 's') {
            add_shard(address->server, next->fd);
        } else {
            code = take_in(address, next);
        }
        next->fd = -1;
    }
    return code;
}

int fk_inherited_drop(forker_server *server)
{
    fk_descriptor_close(&inherited.tickets);
    for (uint32_t i = 0; i < inherited.count; i++) {
        passed_socket *left = &inherited.sockets[i];
        if (left->fd >= 0) {
            fk_log(server, FORKER_LOG_INFO, "process %d served on %s, this one does not", (int)inherited.from,
                   left->address);
            fk_descriptor_close(&left->fd);
        }
    }
    return FORKER_OK;
}

static void own(fk_listener *listener)
{
    listener->made = listener->made || (listener->inherited && fk_unixsocket_identify(listener));
    listener->inherited = false;
}

void fk_inherited_take_over(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        own(&server->listeners[i]);
    }
    own(&server->tree.admin);
    ssize_t sent = send(inherited.channel, "r", 1, MSG_NOSIGNAL);
    fk_log(server, FORKER_LOG_INFO, "upgrade: this process has taken over from process %d%s", (int)inherited.from,
           sent < 0 ? ", which is gone" : "");
    inherited.taken_over = true;
}

void fk_inherited_forget(void)
{
    fk_descriptor_close(&inherited.channel);
}
