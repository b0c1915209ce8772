/* Listening sockets: addresses as text, and the sockets that they stand for. */
#include "setup/listener.h"

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
#include <sys/un.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/descriptor.h"
#include "log/log.h"
#include "setup/activation.h"
#include "setup/advice.h"
#include "setup/inherited.h"
#include "setup/setup.h"
#include "setup/shard.h"
#include "setup/unixsocket.h"

#define FD_PREFIX "fd:"

int fk_address_refuse(const fk_address *address, const char *reason)
{
    return fk_setup_fail(address->server, FORKER_E_ADDRESS, "listen %s: %s", address->text, reason);
}

/* Refuses what is written as none is, and says what to write instead where that can be told. */
static int refuse_form(const fk_address *address, const char *reason)
{
    char advice[FK_ADVICE_MAX];
    fk_advice_address(address->text, advice);
    return fk_setup_fail(address->server, FORKER_E_ADDRESS, "listen %s: %s%s", address->text, reason, advice);
}

int fk_address_refuse_errno(const fk_address *address, const char *call)
{
    return fk_setup_fail(address->server, FORKER_E_ADDRESS, "listen %s: %s: %s", address->text, call, strerror(errno));
}

static int refuse_more(const fk_address *address)
{
    return fk_setup_fail(address->server, FORKER_E_LIMIT, "listen %s: more than %d sockets", address->text,
                         FK_LISTENERS_MAX);
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
        (void)snprintf(listener->file, sizeof listener->file, "%.*s", (int)sizeof un->sun_path, un->sun_path);
        if (listener->address[0] == '\0') { /* else it is as the program has written it */
            (void)snprintf(listener->address, sizeof listener->address, FK_UNIX_PREFIX "%.108s", listener->file);
        }
    }
}

int fk_listener_adopt(const fk_address *address, fk_listener *listener)
{
    forker_server *server = address->server;
    int backlog = (int)fk_server_option(server, FK_OPTION_BACKLOG);
    if (listen(listener->fd, backlog) != 0) {
        int code = fk_address_refuse_errno(address, "listen");
        (void)close(listener->fd);
        return code;
    }
    describe(listener);
    (void)snprintf(listener->source, sizeof listener->source, "%s", address->source);
    listener->tls = address->tls;
    server->listeners[server->listener_count++] = *listener;
    return FORKER_OK;
}

void fk_listener_set_options(const forker_server *server, int fd)
{
    enum { PROBE_SECONDS = 15, PROBES = 4 };
    int64_t idle_ns = fk_server_option(server, FK_OPTION_TCP_KEEPALIVE);
    set_switch(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_switch(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (idle_ns > 0) { /* SO_KEEPALIVE itself is set by the engine, on connections that stay: it arms a timer */
        set_switch(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)(idle_ns / 1000000000));
        set_switch(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_SECONDS);
        set_switch(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
    }
}

/* `both`: an IPv6 socket that serves IPv4 too. */
static int open_tcp(const fk_address *address, const struct sockaddr *name, socklen_t size, bool both)
{
    fk_listener listener = {.borrowed = -1};
    listener.fd = fk_descriptor_raise(socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (listener.fd < 0) {
        return fk_address_refuse_errno(address, "socket");
    }
    fk_listener_set_options(address->server, listener.fd);
    if (name->sa_family == AF_INET6) {
        set_switch(listener.fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    }
    if (bind(listener.fd, name, size) != 0) {
        int code = fk_address_refuse_errno(address, "bind");
        (void)close(listener.fd);
        return code;
    }
    if (fk_server_option(address->server, FK_OPTION_REUSEPORT) != 0) {
        set_switch(listener.fd, SOL_SOCKET, SO_REUSEPORT, 1); /* after bind(2): that still refuses an address in use */
        listener.sharded = true;
    }
    return fk_listener_adopt(address, &listener);
}

/* Whether this machine has IPv6, and of it an address, if that is not in6addr_any. */
static bool has_ipv6(const struct in6_addr *addr)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = *addr};
    int fd = fk_descriptor_raise(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof name) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return has;
}

/* ":8080": all of IPv6 and IPv4 by one socket, or IPv4 alone where the kernel has no IPv6. */
static int listen_everywhere(const fk_address *address, uint16_t port)
{
    if (has_ipv6(&in6addr_any)) {
        struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_any};
        return open_tcp(address, (struct sockaddr *)&name, sizeof name, true);
    }
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
    return open_tcp(address, (struct sockaddr *)&name, sizeof name, false);
}

void fk_listeners_drop(forker_server *server, uint32_t count)
{
    while (server->listener_count > count) {
        fk_listener_forget(&server->listeners[--server->listener_count]);
    }
}

static bool has_family(const struct addrinfo *found, int family)
{
    while (found != NULL && found->ai_family != family) {
        found = found->ai_next;
    }
    return found != NULL;
}

/*
 * Whether an address is ::1, of a name that is an IPv4 address too, on a machine without it: as in containers, which
 * have it in /etc/hosts all the same.
 */
static bool is_missing_loopback(const struct addrinfo *info, const struct addrinfo *found)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)info->ai_addr;
    return info->ai_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) && has_family(found, AF_INET) &&
           !has_ipv6(&in6->sin6_addr);
}

/* Every address of a name; all of them or none, but for IPv6's loopback. */
static int listen_host(const fk_address *address, const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        return refuse_form(address, gai_strerror(failure));
    }
    uint32_t before = address->server->listener_count;
    int code = FORKER_OK;
    for (struct addrinfo *info = found; info != NULL && code == FORKER_OK; info = info->ai_next) {
        if (address->server->listener_count >= address->most) {
            code = refuse_more(address);
            break;
        }
        if (is_missing_loopback(info, found)) {
            fk_log(address->server, FORKER_LOG_INFO, "listen %s: not on [::1], which this machine does not have",
                   address->text);
            continue;
        }
        code = open_tcp(address, info->ai_addr, info->ai_addrlen, false);
    }
    freeaddrinfo(found);
    if (code != FORKER_OK) {
        fk_listeners_drop(address->server, before);
    }
    return code;
}

#define FORMS "an address is \"host:port\", \"[v6]:port\", \":port\", \"unix:/path\" or \"fd:N\""

static int listen_tcp(const fk_address *address)
{
    char host[FK_ADDRESS_MAX];
    const char *colon = strrchr(address->text, ':');
    if (colon == NULL || strchr(address->text, '/') != NULL) {
        return refuse_form(address, colon == NULL ? "no port; " FORMS : FORMS);
    }
    const char *port = colon + 1;
    uint64_t number;
    if (!fk_ascii_number(port, 65535, &number)) {
        return fk_address_refuse(address, "the port is not a number from 0 to 65535");
    }
    size_t len = (size_t)(colon - address->text);
    if (len == 0) {
        return listen_everywhere(address, (uint16_t)number);
    }
    if (len >= sizeof host) {
        return fk_address_refuse(address, "the host is too long");
    }
    bool bracketed = address->text[0] == '[' && colon[-1] == ']' && len > 2;
    memcpy(host, address->text + bracketed, len - 2 * bracketed);
    host[len - 2 * bracketed] = '\0';
    if (!bracketed && strpbrk(host, ":[]") != NULL) {
        return fk_address_refuse(address, "an IPv6 address is written in brackets, as in \"[::1]:8080\"");
    }
    return listen_host(address, host, port);
}

bool fk_listener_listens(int fd)
{
    int accepting = 0;
    socklen_t size = sizeof accepting;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepting, &size) == 0 && accepting != 0;
}

/* It is duplicated, so that both can close theirs. Its file status flags are shared with the duplicate. */
int fk_listener_borrow(const fk_address *address, int fd)
{
    fk_listener listener = {.borrowed = fd};
    int type = 0;
    socklen_t size = sizeof type;
    if (address->server->listener_count >= address->most) {
        return refuse_more(address);
    }
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
        return fk_address_refuse_errno(address, "getsockopt");
    }
    if (type != SOCK_STREAM || !fk_listener_listens(fd)) {
        return fk_address_refuse(address, "not a stream socket that listens");
    }
    listener.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (listener.fd < 0) {
        return fk_address_refuse_errno(address, "dup");
    }
    int flags = fcntl(listener.fd, F_GETFL);
    (void)fcntl(listener.fd, F_SETFL, flags | O_NONBLOCK);
    return fk_listener_adopt(address, &listener);
}

static int listen_fd(const fk_address *address)
{
    const char *text = address->text + strlen(FD_PREFIX);
    uint64_t number;
    if (!fk_ascii_number(text, 1 << 20, &number)) {
        return fk_address_refuse(address, "not the number of a descriptor");
    }
    return fk_listener_borrow(address, (int)number);
}

static int listen_at(const fk_address *address)
{
    size_t name = strcspn(address->text, ":");
    if (fk_inherited_has(address->source)) {
        return fk_inherited_listen(address);
    }
    if (strncmp(address->text, FK_UNIX_PREFIX, strlen(FK_UNIX_PREFIX)) == 0) {
        return fk_unixsocket_listen(address);
    }
    if (strncmp(address->text, FD_PREFIX, strlen(FD_PREFIX)) == 0) {
        return listen_fd(address);
    }
    if (name == strlen(FK_ACTIVATION_NAME) && strncmp(address->text, FK_ACTIVATION_NAME, name) == 0) {
        return fk_activation_listen(address);
    }
    return listen_tcp(address);
}

/* `source` may have parameters, of which those about TLS are for every kind of address. */
static int listen_to(forker_server *server, const char *source, uint32_t most)
{
    char text[FK_SOURCE_MAX];
    (void)snprintf(text, sizeof text, "%s", source);
    fk_address address = {server, text, most, source, {0}};
    const char *wrong = fk_secure_take(text, &address.tls);
    bool is_unix = strncmp(text, FK_UNIX_PREFIX, strlen(FK_UNIX_PREFIX)) == 0;
    if (wrong == NULL && !is_unix && strchr(text, '?') != NULL) {
        wrong = "behind the \"?\" of an address come tls=, client_cert=, redirect_https= and proxy=, joined by \"&\"";
    }
    return wrong == NULL ? listen_at(&address)
                         : fk_address_refuse(&(fk_address){server, source, most, source, {0}}, wrong);
}

int forker_server_listen(forker_server *server, const char *address)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (address == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "listen: the address is NULL");
    }
    if (server->listener_count >= FK_LISTENERS_MAX) {
        return refuse_more(&(fk_address){server, address, FK_LISTENERS_MAX, address, {0}});
    }
    if (strlen(address) >= FK_SOURCE_MAX) {
        return fk_address_refuse(&(fk_address){server, address, FK_LISTENERS_MAX, address, {0}},
                                 "the address is too long");
    }
    return listen_to(server, address, FK_LISTENERS_MAX);
}

const char *forker_server_address(forker_server *server, size_t index)
{
    return server != NULL && index < server->listener_count ? server->listeners[index].address : NULL;
}

/* Opens a socket in a given place of the list. */
static int open_at(forker_server *server, const char *address, uint32_t index)
{
    uint32_t count = server->listener_count;
    server->listener_count = index;
    fk_setup setup = server->setup;
    int code = listen_to(server, address, index + 1);
    server->setup = setup; /* a failed run is not a failed setup: the next one may succeed */
    server->listener_count = count;
    return code;
}

int fk_listener_open(forker_server *server, const char *address, fk_listener *listener_out)
{
    uint32_t index = server->listener_count; /* there is one place more than the list may have */
    int code = open_at(server, address, index);
    if (code == FORKER_OK) {
        *listener_out = server->listeners[index];
    }
    return code;
}

/* Opens one closed listener again, in its old place of the list. */
static int reopen(forker_server *server, uint32_t index)
{
    fk_listener *listener = &server->listeners[index];
    char text[FK_SOURCE_MAX + FK_ADDRESS_MAX], source[FK_SOURCE_MAX], address[FK_ADDRESS_MAX];
    fk_secure tls = listener->tls;
    memcpy(source, listener->source, sizeof source);
    memcpy(address, listener->address, sizeof address);
    if (listener->borrowed >= 0) {
        (void)snprintf(text, sizeof text, FD_PREFIX "%d", listener->borrowed);
    } else if (listener->family == AF_UNIX) {
        (void)snprintf(text, sizeof text, FK_UNIX_PREFIX "%s%s", listener->file, source + strcspn(source, "?"));
    } else {
        (void)snprintf(text, sizeof text, "%s", listener->address);
    }
    int code = open_at(server, text, index);
    memcpy(listener->source, source, sizeof source);
    memcpy(listener->address, address, sizeof address);
    listener->tls = tls;
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

static int refuse_dead(forker_server *server, const fk_listener *listener, int fd)
{
    return fk_server_fail(server, FORKER_E_ADDRESS,
                          "%s: descriptor %d of %s is no listening socket any more: something has closed it, or put "
                          "another file in its place",
                          server->run.verb, fd, listener->address);
}

int fk_listeners_check(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].tls.proxied && server->options[FK_OPTION_TRUSTED_PROXIES].text[0] == '\0') {
            return fk_server_fail(server, FORKER_E_ADDRESS,
                                  "%s: %s has proxy=on, and no proxy is trusted; set option trusted_proxies",
                                  server->run.verb, server->listeners[i].source);
        }
        const fk_listener *listener = &server->listeners[i];
        if (!fk_listener_listens(listener->fd)) {
            return refuse_dead(server, listener, listener->fd);
        }
        for (uint32_t k = 0; k < listener->shard_count; k++) {
            if (!fk_listener_listens(listener->shards[k])) {
                return refuse_dead(server, listener, listener->shards[k]);
            }
        }
    }
    return FORKER_OK;
}

uint16_t fk_listener_redirect(const forker_server *server, const fk_listener *listener)
{
    uint64_t port = 0;
    if (listener->tls.redirect_https != FK_REDIRECT_ON) {
        return (uint16_t)listener->tls.redirect_https;
    }
    for (uint32_t i = 0; i < server->listener_count && port == 0; i++) {
        const fk_listener *other = &server->listeners[i];
        if (other->tls.on && other->family != AF_UNIX) {
            (void)fk_ascii_number(strrchr(other->address, ':') + 1, 65535, &port);
        }
    }
    return (uint16_t)port;
}

void fk_listeners_tell(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        fk_log(server, FORKER_LOG_INFO, "serving on %s", server->listeners[i].address);
    }
}

void fk_listener_forget(fk_listener *listener)
{
    fk_descriptor_close(&listener->fd);
    fk_shards_close(listener);
}

void fk_listener_close(fk_listener *listener)
{
    if (listener->fd >= 0 && listener->made) {
        fk_unixsocket_remove(listener);
    }
    fk_listener_forget(listener);
}

void fk_listeners_forget(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        fk_listener_forget(&server->listeners[i]);
    }
}

void fk_listeners_remove_files(const forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        const fk_listener *listener = &server->listeners[i];
        if (listener->made) {
            fk_unixsocket_remove(listener);
        }
    }
}

void fk_listeners_close(forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        fk_listener_close(&server->listeners[i]);
    }
}
