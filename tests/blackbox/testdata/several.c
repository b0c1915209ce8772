/*
 * Three servers in one process, two on threads of the library and one on this thread, which end in every order: several
 * <directory>. Those that are left serve on. Everything is checked here.
 */
#define _GNU_SOURCE

#include "check.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { SERVERS = 3, OPENED = 2 /* that one is polled */ };

static forker_server *servers[SERVERS];

static int number(forker_request *req, void *user)
{
    char text[16];
    snprintf(text, sizeof text, "%d", (int)((forker_server **)user - servers));
    return response_text(req, text);
}

static int send_request(int i)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", forker_server_address(servers[i], 0) + strlen("unix:"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
    CHECK(send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == (ssize_t)sizeof request - 1);
    return fd;
}

/* Wants server number `i` to answer with its number. */
static void ask(int i)
{
    char text[1024];
    size_t len = 0;
    int fd = send_request(i);
    for (ssize_t got = 1; got != 0 && len < sizeof text - 1;) {
        got = recv(fd, text + len, sizeof text - 1 - len, i == OPENED ? MSG_DONTWAIT : 0);
        if (got < 0 && errno == EAGAIN) {
            CHECK_CODE(forker_server_poll(servers[i], 1000), 1);
        } else if (got < 0) {
            break;
        } else {
            len += (size_t)got;
        }
    }
    close(fd);
    text[len] = '\0';
    CHECK(len > 0 && text[len - 1] == '0' + i);
}

static void begin(int i)
{
    CHECK_CODE(i == OPENED ? forker_server_open(servers[i]) : forker_server_start(servers[i]), FORKER_OK);
}

static void end(int i)
{
    CHECK_CODE(forker_server_stop(servers[i], 5000), FORKER_OK);
    if (i != OPENED) {
        CHECK_CODE(forker_server_wait(servers[i], -1), FORKER_OK);
        return;
    }
    int code;
    while ((code = forker_server_poll(servers[i], -1)) > 0) {
    }
    CHECK_CODE(code, FORKER_OK);
}

int main(int argc, char **argv)
{
    char address[256];
    static const int orders[][SERVERS] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    alarm(60); /* whatever it waits for */
    for (int i = 0; i < SERVERS; i++) {
        snprintf(address, sizeof address, "unix:%s/%d", argc > 1 ? argv[1] : ".", i);
        servers[i] = forker_server_new();
        CHECK_CODE(forker_server_set(servers[i], "workers", "0"), FORKER_OK);
        CHECK_CODE(forker_server_handle(servers[i], "GET", "/", number, &servers[i]), FORKER_OK);
        CHECK_CODE(forker_server_listen(servers[i], address), FORKER_OK);
    }
    for (size_t turn = 0; turn < sizeof orders / sizeof orders[0]; turn++) {
        const int *order = orders[turn];
        for (int i = 0; i < SERVERS; i++) {
            begin(order[SERVERS - 1 - i]);
        }
        for (int i = 0; i < SERVERS; i++) {
            for (int left = i; left < SERVERS; left++) {
                ask(order[left]);
            }
            end(order[i]);
        }
    }
    for (int i = 0; i < SERVERS; i++) {
        forker_server_free(servers[i]);
    }
    return check_exit_status();
}
