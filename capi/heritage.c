/* What this process has from the one that it is to replace. */
#include "heritage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "unixsocket.h"

typedef struct {
    int fd; /* -1: taken in */
    bool made;
    char address[FK_SOURCE_MAX];
} bequest;

static struct {
    pid_t from;
    int channel;
    bequest sockets[FK_LISTENERS_MAX + 1]; /* the admin listener too */
    uint32_t count;
} heritage = {.channel = -1};

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

static bool is_listening(int fd)
{
    int accepting = 0;
    socklen_t size = sizeof accepting;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) == 0 && accepting != 0;
}

/* Reads "<fd><m or -> <address>". What is not as it must be is no socket of ours. */
static void read_socket(const char *text, size_t len)
{
    bequest *next = &heritage.sockets[heritage.count];
    int start = 0;
    char made = '-';
    if (heritage.count <= FK_LISTENERS_MAX && sscanf(text, "%d%c %n", &next->fd, &made, &start) == 2 && start > 0 &&
        (size_t)start < len && is_listening(next->fd) && decode(text + start, len - (size_t)start, next->address)) {
        next->made = made == 'm';
        (void)fcntl(next->fd, F_SETFD, FD_CLOEXEC);
        heritage.count++;
    }
}

/* While the library is loaded: programs that are started before the server is set up must not get the descriptors. */
__attribute__((constructor)) static void read_heritage(void)
{
    const char *text = secure_getenv(FK_HERITAGE_VARIABLE);
    int version, heir, from, channel;
    if (text == NULL || sscanf(text, "%d %d %d %d", &version, &heir, &from, &channel) != 4 ||
        version != FK_HERITAGE_VERSION || heir != getpid() || fcntl(channel, F_SETFD, FD_CLOEXEC) != 0) {
        return;
    }
    heritage.from = (pid_t)from;
    heritage.channel = channel;
    for (text = strchr(text, ';'); text != NULL; text = strchr(text, ';')) {
        text++;
        read_socket(text, strcspn(text, ";"));
    }
}

bool fk_heritage_is_pending(void)
{
    return heritage.channel >= 0;
}

pid_t fk_heritage_from(void)
{
    return heritage.from;
}

bool fk_heritage_has(const char *address)
{
    for (uint32_t i = 0; i < heritage.count; i++) {
        if (heritage.sockets[i].fd >= 0 && strcmp(heritage.sockets[i].address, address) == 0) {
            return true;
        }
    }
    return false;
}

int fk_heritage_listen(const fk_address *address)
{
    int code = FORKER_OK;
    for (uint32_t i = 0; i < heritage.count && code == FORKER_OK; i++) {
        bequest *next = &heritage.sockets[i];
        if (next->fd < 0 || strcmp(next->address, address->text) != 0) {
            continue;
        }
        fk_listener listener = {.fd = next->fd, .borrowed = -1, .bequeathed = next->made};
        next->fd = -1;
        code = fk_listener_adopt(address, &listener);
    }
    return code;
}

int fk_heritage_drop(forker_server *server)
{
    for (uint32_t i = 0; i < heritage.count; i++) {
        bequest *left = &heritage.sockets[i];
        if (left->fd >= 0) {
            fk_log(server, FORKER_LOG_INFO, "process %d served on %s, this one does not", (int)heritage.from,
                   left->address);
            (void)close(left->fd);
            left->fd = -1;
        }
    }
    return FORKER_OK;
}

void fk_heritage_take_over(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        fk_listener *listener = &server->listeners[i];
        if (listener->bequeathed) {
            listener->made = fk_unixsocket_identify(listener);
        }
    }
    if (server->admin.bequeathed) {
        server->admin.made = fk_unixsocket_identify(&server->admin);
    }
    ssize_t sent = send(heritage.channel, "r", 1, MSG_NOSIGNAL);
    fk_log(server, FORKER_LOG_INFO, "upgrade: this process has taken over from process %d%s", (int)heritage.from,
           sent < 0 ? ", which is gone" : "");
    fk_heritage_forget();
}

void fk_heritage_forget(void)
{
    if (heritage.channel >= 0) {
        (void)close(heritage.channel);
        heritage.channel = -1;
    }
}
