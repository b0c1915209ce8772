/*
 * Listening: every form of address, what can be wrong with one, and what is left afterwards. Runs in a directory of its
 * own.
 */
#define _GNU_SOURCE

#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* Connects to a port of an address of the loopback; tells if somebody listens. */
static int is_served(int family, const char *host, int port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(family, host, family == AF_INET ? (void *)&in.sin_addr : (void *)&in6.sin6_addr);
    int failed = family == AF_INET ? connect(fd, (struct sockaddr *)&in, sizeof in)
                                   : connect(fd, (struct sockaddr *)&in6, sizeof in6);
    close(fd);
    return failed == 0;
}

static int port_of(const char *address)
{
    return atoi(strrchr(address, ':') + 1);
}

static const struct {
    const char *address, *prefix; /* and how the address with the real port begins */
    int v4, v6;                   /* whether IPv4 and IPv6 clients are served */
} internet[] = {
    {"127.0.0.1:0", "127.0.0.1:", 1, 0},
    {"0.0.0.0:0", "0.0.0.0:", 1, 0},
    {"[::1]:0", "[::1]:", 0, 1},
    {"[::]:0", "[::]:", 0, 1},
    {":0", ":", 1, 1},
};

static void check_internet(void)
{
    for (size_t i = 0; i < sizeof internet / sizeof *internet; i++) {
        forker_server *server = forker_server_new();
        CHECK_CODE(forker_server_listen(server, internet[i].address), FORKER_OK);
        const char *address = forker_server_address(server, 0);
        CHECK(address != NULL && strncmp(address, internet[i].prefix, strlen(internet[i].prefix)) == 0);
        int port = address != NULL ? port_of(address) : 0;
        CHECK(port > 0);
        CHECK(is_served(AF_INET, "127.0.0.1", port) == internet[i].v4);
        CHECK(is_served(AF_INET6, "::1", port) == internet[i].v6);
        CHECK_TEXT(forker_server_address(server, 1), NULL);
        forker_server_free(server);
        CHECK(!is_served(AF_INET, "127.0.0.1", port));
    }
}

static void check_name(void)
{
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_listen(server, "localhost:0"), FORKER_OK);
    CHECK(forker_server_address(server, 0) != NULL);
    forker_server_free(server);
}

/* Tries an address that is refused, and gives the sentence. */
static const char *refused(const char *address)
{
    static char sentence[512];
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_listen(server, address), FORKER_E_ADDRESS);
    CHECK_TEXT(forker_server_address(server, 0), NULL);
    snprintf(sentence, sizeof sentence, "%s", forker_server_error(server));
    CHECK_CODE(forker_server_run(server), FORKER_E_SETUP);
    forker_server_free(server);
    return sentence;
}

#define FORMS "an address is \"host:port\", \"[v6]:port\", \":port\", \"unix:/path\" or \"fd:N\""

static void check_refusals(void)
{
    CHECK_TEXT(refused("8080"), "listen 8080: no port; " FORMS ": write :8080");
    CHECK_TEXT(refused("true"), "listen true: no port; " FORMS);
    CHECK_TEXT(refused("/run/a.sock"), "listen /run/a.sock: no port; " FORMS ": write unix:/run/a.sock");
    CHECK_TEXT(refused("http://localhost:8080"), "listen http://localhost:8080: " FORMS ": write localhost:8080");
    CHECK_TEXT(refused("http://[::1]:80/a:b"), "listen http://[::1]:80/a:b: " FORMS ": write [::1]:80");
    CHECK_TEXT(refused("http://[::1]"), "listen http://[::1]: " FORMS ": write [::1]:80");
    CHECK_TEXT(refused("http://localhost"), "listen http://localhost: " FORMS ": write localhost:80");
    CHECK_TEXT(refused("localhost:8080/"), "listen localhost:8080/: " FORMS ": write localhost:8080");
    CHECK_TEXT(refused("https://a"), "listen https://a: " FORMS ": write a:443?tls=on");
    CHECK_TEXT(refused("https://a:8443/b"), "listen https://a:8443/b: " FORMS ": write a:8443?tls=on");
    CHECK_TEXT(refused(":http"), "listen :http: the port is not a number from 0 to 65535");
    CHECK_TEXT(refused(":65536"), "listen :65536: the port is not a number from 0 to 65535");
    CHECK_TEXT(refused(":-1"), "listen :-1: the port is not a number from 0 to 65535");
    CHECK_TEXT(refused(":"), "listen :: the port is not a number from 0 to 65535");
    CHECK_TEXT(refused("::1:80"), "listen ::1:80: an IPv6 address is written in brackets, as in \"[::1]:8080\"");
    CHECK_TEXT(refused("192.0.2.1:0"), "listen 192.0.2.1:0: bind: Cannot assign requested address");
    CHECK(strncmp(refused("no-such-host.invalid:0"), "listen no-such-host.invalid:0: ", 31) == 0);
    CHECK(strlen(refused("")) > 10);
    CHECK_TEXT(refused("unix:"), "listen unix:: the path of a unix socket has 1 to 107 bytes");
    CHECK_TEXT(refused("unix:/no/such/directory/socket"),
               "listen unix:/no/such/directory/socket: bind: No such file or directory");
    CHECK_TEXT(refused("unix:socket?mode=999"),
               "listen unix:socket?mode=999: the mode is not an octal number from 0 to 0777");
    CHECK_TEXT(refused("fd:x"), "listen fd:x: not the number of a descriptor");
    CHECK_TEXT(refused("fd:777"), "listen fd:777: getsockopt: Bad file descriptor");
    CHECK_TEXT(refused("fd:0"), "listen fd:0: getsockopt: Socket operation on non-socket");
}

static void check_in_use(void)
{
    char sentence[256];
    forker_server *first = forker_server_new(), *second = forker_server_new();
    CHECK_CODE(forker_server_listen(first, "127.0.0.1:0"), FORKER_OK);
    const char *address = forker_server_address(first, 0);
    CHECK_CODE(forker_server_listen(second, address), FORKER_E_ADDRESS);
    snprintf(sentence, sizeof sentence, "listen %s: bind: Address already in use", address);
    CHECK_TEXT(forker_server_error(second), sentence);
    forker_server_free(second);
    forker_server_free(first);
}

static int mode_of(const char *path)
{
    struct stat file;
    return lstat(path, &file) == 0 ? (int)(file.st_mode & 07777) : -1;
}

static void check_unix_mode(const char *address, const char *option, int mode)
{
    forker_server *server = forker_server_new();
    if (option != NULL) {
        CHECK_CODE(forker_server_set(server, "unix_mode", option), FORKER_OK);
    }
    CHECK_CODE(forker_server_listen(server, address), FORKER_OK);
    CHECK_TEXT(forker_server_address(server, 0), "unix:socket");
    CHECK_CODE(mode_of("socket"), mode);
    forker_server_free(server);
    CHECK_CODE(mode_of("socket"), -1);
}

static void check_unix_files(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0 && listen(fd, 1) == 0);
    CHECK_TEXT(refused("unix:socket"), "listen unix:socket: bind: Address already in use");
    close(fd); /* now it is stale */
    check_unix_mode("unix:socket", NULL, 0666);

    fd = open("socket", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    close(fd);
    CHECK_TEXT(refused("unix:socket"), "listen unix:socket: bind: File exists");
    CHECK_CODE(mode_of("socket"), 0600);
    unlink("socket");

    /* A file that took the place of ours is not ours to remove. */
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_listen(server, "unix:socket"), FORKER_OK);
    CHECK(rename("socket", "moved") == 0);
    close(open("socket", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    forker_server_free(server);
    CHECK_CODE(mode_of("socket"), 0600);
    unlink("socket");
    unlink("moved");
}

static void check_descriptor(void)
{
    char address[32];
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    snprintf(address, sizeof address, "fd:%d", fd);
    CHECK(strstr(refused(address), "not a stream socket that listens") != NULL);
    CHECK(listen(fd, 1) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
    forker_server *server = forker_server_new();
    CHECK_CODE(forker_server_listen(server, address), FORKER_OK);
    CHECK(port_of(forker_server_address(server, 0)) == ntohs(name.sin_port));
    forker_server_free(server);
    CHECK(is_served(AF_INET, "127.0.0.1", ntohs(name.sin_port))); /* the program still has it */
    close(fd);
}

static void check_several(void)
{
    forker_server *server = forker_server_new();
    for (size_t i = 0; i < 64; i++) {
        CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_OK);
        CHECK(forker_server_address(server, i) != NULL);
    }
    CHECK_CODE(forker_server_listen(server, "127.0.0.1:0"), FORKER_E_LIMIT);
    CHECK_TEXT(forker_server_address(server, 64), NULL);
    forker_server_free(server);
}

int main(void)
{
    umask(027);
    check_internet();
    check_name();
    check_refusals();
    check_in_use();
    check_unix_mode("unix:socket", NULL, 0666);
    check_unix_mode("unix:socket?mode=0600", NULL, 0600);
    check_unix_mode("unix:socket", "0660", 0660);
    check_unix_mode("unix:socket?mode=0640", "0660", 0640);
    check_unix_files();
    check_descriptor();
    check_several();
    CHECK(umask(0) == 027);
    return check_exit_status();
}
