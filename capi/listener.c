/* Listening sockets: addresses as text, and the sockets that they stand for. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define UNIX_PREFIX "unix:"
#define FD_PREFIX "fd:"
#define MODE_SUFFIX "?mode="

typedef struct {
    forker_server *server;
    const char *text; /* the address as the caller gave it */
} request;

static int refuse(const request *req, const char *reason)
{
    return fk_server_fail_setup(req->server, FORKER_E_ADDRESS, "listen %s: %s", req->text, reason);
}

static int refuse_errno(const request *req, const char *call)
{
    return fk_server_fail_setup(req->server, FORKER_E_ADDRESS, "listen %s: %s: %s", req->text, call, strerror(errno));
}

static void set_switch(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Writes the address that the socket really has. */
static void describe(fk_listener *listener)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    char host[INET6_ADDRSTRLEN];
    (void)getsockname(listener->fd, (struct sockaddr *)&name, &size);
    listener->family = name.ss_family;
    if (name.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&name;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        (void)snprintf(listener->address, sizeof listener->address, "%s:%d", host, ntohs(in->sin_port));
    } else if (name.ss_family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&name;
        int only = 0;
        socklen_t only_size = sizeof only;
        (void)getsockopt(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &only_size);
        bool both = only == 0 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        (void)snprintf(listener->address, sizeof listener->address, both ? "%.0s:%d" : "[%s]:%d", host,
                       ntohs(in6->sin6_port));
    } else {
        struct sockaddr_un *un = (struct sockaddr_un *)&name;
        (void)snprintf(listener->address, sizeof listener->address, UNIX_PREFIX "%.*s", (int)sizeof un->sun_path,
                       un->sun_path);
    }
}

/* Takes `listener`, whose socket is bound, into the server and makes it listen. Closes it on failure. */
static int adopt(const request *req, fk_listener *listener)
{
    forker_server *server = req->server;
    int backlog = (int)fk_server_option(server, FK_OPTION_BACKLOG);
    if (listen(listener->fd, backlog) != 0) {
        int code = refuse_errno(req, "listen");
        (void)close(listener->fd);
        return code;
    }
    describe(listener);
    server->listeners[server->listener_count++] = *listener;
    return FORKER_OK;
}

/* What a connection inherits from its listening socket costs no system call when it is accepted. */
static void set_tcp_options(int fd)
{
    set_switch(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_switch(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_switch(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* `both`: an IPv6 socket that serves IPv4 too. */
static int open_tcp(const request *req, const struct sockaddr *name, socklen_t size, bool both)
{
    fk_listener listener = {.borrowed = -1};
    listener.fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0) {
        return refuse_errno(req, "socket");
    }
    set_tcp_options(listener.fd);
    if (name->sa_family == AF_INET6) {
        set_switch(listener.fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    }
    if (bind(listener.fd, name, size) != 0) {
        int code = refuse_errno(req, "bind");
        (void)close(listener.fd);
        return code;
    }
    return adopt(req, &listener);
}

static bool has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

/* ":8080": all of IPv6 and IPv4 by one socket, or IPv4 alone where the kernel has no IPv6. */
static int listen_everywhere(const request *req, uint16_t port)
{
    if (has_ipv6()) {
        struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
        return open_tcp(req, (struct sockaddr *)&name, sizeof name, true);
    }
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    return open_tcp(req, (struct sockaddr *)&name, sizeof name, false);
}

/* Every address of a name; all of them or none. */
static int listen_host(const request *req, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        return refuse(req, gai_strerror(failure));
    }
    uint32_t before = req->server->listener_count;
    int code = FORKER_OK;
    for (struct addrinfo *info = found; info != NULL && code == FORKER_OK; info = info->ai_next) {
        if (req->server->listener_count >= FK_LISTENERS_MAX) {
            code = fk_server_fail_setup(req->server, FORKER_E_LIMIT, "listen %s: more than %d sockets", req->text,
                                        FK_LISTENERS_MAX);
            break;
        }
        code = open_tcp(req, info->ai_addr, info->ai_addrlen, false);
    }
    freeaddrinfo(found);
    while (code != FORKER_OK && req->server->listener_count > before) {
        (void)close(req->server->listeners[--req->server->listener_count].fd);
    }
    return code;
}

static int listen_tcp(const request *req)
{
    char host[FK_ADDRESS_MAX];
    const char *colon = strrchr(req->text, ':');
    if (colon == NULL) {
        return refuse(req,
                      "no port; an address is \"host:port\", \"[v6]:port\", \":port\", \"unix:/path\" or \"fd:N\"");
    }
    const char *port = colon + 1;
    char *end;
    unsigned long number = strtoul(port, &end, 10);
    if (*port < '0' || *port > '9' || *end != '\0' || number > 65535) {
        return refuse(req, "the port is not a number from 0 to 65535");
    }
    size_t len = (size_t)(colon - req->text);
    if (len == 0) {
        return listen_everywhere(req, (uint16_t)number);
    }
    if (len >= sizeof host) {
        return refuse(req, "the host is too long");
    }
    bool bracketed = req->text[0] == '[' && colon[-1] == ']' && len > 2;
    memcpy(host, req->text + bracketed, len - 2 * bracketed);
    host[len - 2 * bracketed] = '\0';
    if (!bracketed && strpbrk(host, ":[]") != NULL) {
        return refuse(req, "an IPv6 address is written in brackets, as in \"[::1]:8080\"");
    }
    return listen_host(req, host, port);
}

/* Removes a socket file that nobody listens on. Returns false if somebody does, or it is no socket: errno tells. */
static bool clear_stale(const struct sockaddr_un *name)
{
    struct stat file;
    if (lstat(name->sun_path, &file) != 0) {
        return errno == ENOENT;
    }
    if (!S_ISSOCK(file.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) {
        return false;
    }
    int connected = connect(probe, (const struct sockaddr *)name, sizeof *name);
    int reason = errno;
    (void)close(probe);
    if (connected != 0 && reason == ECONNREFUSED) {
        return unlink(name->sun_path) == 0 || errno == ENOENT;
    }
    errno = EADDRINUSE;
    return false;
}

/*
 * The file gets its mode before anybody can use it: it is bound under the strictest umask and opened up afterwards, and
 * connections are refused until listen(2).
 */
static int open_unix(const request *req, const struct sockaddr_un *name, uint32_t mode)
{
    fk_listener listener = {.borrowed = -1, .mode = mode};
    struct stat file;
    if (!clear_stale(name)) {
        return refuse_errno(req, "bind");
    }
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener.fd < 0) {
        return refuse_errno(req, "socket");
    }
    mode_t before = umask(0777);
    int bound = bind(listener.fd, (const struct sockaddr *)name, sizeof *name);
    int reason = errno;
    (void)umask(before);
    errno = reason;
    if (bound != 0 || chmod(name->sun_path, (mode_t)mode) != 0 || lstat(name->sun_path, &file) != 0) {
        int code = refuse_errno(req, bound != 0 ? "bind" : "chmod");
        (void)close(listener.fd);
        return code;
    }
    listener.device = file.st_dev;
    listener.inode = file.st_ino;
    return adopt(req, &listener);
}

static int listen_unix(const request *req)
{
    const char *path = req->text + strlen(UNIX_PREFIX);
    const char *suffix = strstr(path, MODE_SUFFIX);
    size_t len = suffix != NULL ? (size_t)(suffix - path) : strlen(path);
    int64_t mode = fk_server_option(req->server, FK_OPTION_UNIX_MODE);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (suffix != NULL && !fk_option_parse(FK_OPTION_UNIX_MODE, suffix + strlen(MODE_SUFFIX), &mode)) {
        return refuse(req, "the mode is not an octal number from 0 to 0777");
    }
    if (len == 0 || len >= sizeof name.sun_path) {
        return refuse(req, "the path of a unix socket has 1 to 107 bytes");
    }
    memcpy(name.sun_path, path, len);
    return open_unix(req, &name, (uint32_t)mode);
}

/* A socket of the program's: duplicated, so that both can close theirs. Its file status flags are shared with the duplicate. */
static int listen_fd(const request *req)
{
    const char *text = req->text + strlen(FD_PREFIX);
    char *end;
    long number = strtol(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number > 1 << 20) {
        return refuse(req, "not the number of a descriptor");
    }
    fk_listener listener = {.borrowed = (int)number};
    int type = 0, accepting = 0;
    socklen_t size = sizeof type;
    if (getsockopt((int)number, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return refuse_errno(req, "getsockopt");
    }
    size = sizeof accepting;
    (void)getsockopt((int)number, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size);
    if (type != SOCK_STREAM || !accepting) {
        return refuse(req, "not a stream socket that listens");
    }
    listener.fd = fcntl((int)number, F_DUPFD_CLOEXEC, 3);
    if (listener.fd < 0) {
        return refuse_errno(req, "dup");
    }
    int flags = fcntl(listener.fd, F_GETFL);
    (void)fcntl(listener.fd, F_SETFL, flags | O_NONBLOCK);
    return adopt(req, &listener);
}

static int listen_to(const request *req)
{
    if (strncmp(req->text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
        return listen_unix(req);
    }
    if (strncmp(req->text, FD_PREFIX, strlen(FD_PREFIX)) == 0) {
        return listen_fd(req);
    }
    return listen_tcp(req);
}

int forker_server_listen(forker_server *server, const char *address)
{
    int refused = fk_server_refuses_setup(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (address == NULL) {
        return fk_server_fail_setup(server, FORKER_E_INVALID, "listen: the address is NULL");
    }
    if (server->listener_count >= FK_LISTENERS_MAX) {
        return fk_server_fail_setup(server, FORKER_E_LIMIT, "listen %s: more than %d sockets", address,
                                    FK_LISTENERS_MAX);
    }
    return listen_to(&(request){server, address});
}

const char *forker_server_address(forker_server *server, size_t index)
{
    return server != NULL && index < server->listener_count ? server->listeners[index].address : NULL;
}

/* Opens one closed listener again, in its old place of the list. */
static int reopen(forker_server *server, uint32_t index)
{
    fk_listener *listener = &server->listeners[index];
    char text[FK_ADDRESS_MAX + 16];
    if (listener->borrowed >= 0) {
        (void)snprintf(text, sizeof text, FD_PREFIX "%d", listener->borrowed);
    } else if (listener->family == AF_UNIX) {
        (void)snprintf(text, sizeof text, "%s" MODE_SUFFIX "%o", listener->address, listener->mode);
    } else {
        (void)snprintf(text, sizeof text, "%s", listener->address);
    }
    uint32_t count = server->listener_count;
    server->listener_count = index;
    int setup_code = server->setup_code;
    int code = listen_to(&(request){server, text});
    server->setup_code = setup_code; /* a failed run is not a failed setup: the next one may succeed */
    server->listener_count = count;
    return code;
}

int fk_listeners_reopen(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].fd < 0) {
            int code = reopen(server, i);
            if (code != FORKER_OK) {
                return code;
            }
        }
    }
    return FORKER_OK;
}

void fk_listeners_forget(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].fd >= 0) {
            (void)close(server->listeners[i].fd);
            server->listeners[i].fd = -1;
        }
    }
}

void fk_listeners_close(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        const fk_listener *listener = &server->listeners[i];
        const char *path = listener->address + strlen(UNIX_PREFIX);
        struct stat file;
        if (listener->fd >= 0 && listener->family == AF_UNIX && listener->borrowed < 0 && lstat(path, &file) == 0 &&
            file.st_dev == listener->device && file.st_ino == listener->inode) {
            (void)unlink(path);
        }
    }
    fk_listeners_forget(server);
}
