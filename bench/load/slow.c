/*
 * Clients that take their time, to measure what others notice of them.
 *
 *     slow PORT heads|bodies|readers|idle|handlers COUNT INTERVAL
 *
 * opens COUNT connections to 127.0.0.1:PORT and prints "ready" when each has begun: a head, or an upload, of which
 * another line or byte follows each INTERVAL seconds; a download of /1m, of which it reads 1000 bytes each INTERVAL
 * seconds; a request whose answer it reads, after which it stays silent; one request after another to /sleep, whose
 * handler takes a second. A connection that the server ends is opened again. It goes on until it is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256, TICK_MS = 1, SMALL_BUFFER = 4096, SIP = 1000 };

typedef struct {
    const char *name;
    const char *begin; /* what a connection sends first, */
    const char *more;  /* and then each time; NULL: nothing */
    bool reads_slowly;
    bool asks_again;
} behaviour;

static const behaviour behaviours[] = {
    {"heads", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n", "X: y\r\n", false, false},
    {"bodies", "POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n", "x", false, false},
    {"readers", "GET /1m HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", NULL, true, false},
    {"idle", "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", NULL, false, false},
    {"handlers", "GET /sleep HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", NULL, false, true},
};

static const behaviour *how;
static struct sockaddr_in address;
static int epoll;
static int *fds;

static void die(const char *what)
{
    fprintf(stderr, "slow: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void open_client(size_t i)
{
    int size = SMALL_BUFFER;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && how->reads_slowly) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    if (send(fd, how->begin, strlen(how->begin), MSG_NOSIGNAL) < 0) {
        die("send");
    }
    struct epoll_event event = {.events = how->reads_slowly ? EPOLLRDHUP : EPOLLIN, .data.u64 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        die("epoll_ctl");
    }
    fds[i] = fd;
}

static void open_again(size_t i)
{
    close(fds[i]);
    open_client(i);
}

/* The server has answered or left. */
static void hear(size_t i)
{
    char bytes[SMALL_BUFFER];
    ssize_t got = recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        open_again(i);
    } else if (got > 0 && how->asks_again) {
        (void)!send(fds[i], how->begin, strlen(how->begin), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

/* One more step of a client. */
static void step(size_t i)
{
    char bytes[SIP];
    if (how->reads_slowly) {
        if (recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT) == 0) {
            open_again(i);
        }
    } else if (how->more != NULL) {
        /* A connection that is gone has an event too. */
        (void)!send(fds[i], how->more, strlen(how->more), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The steps are spread evenly over the interval. */
static void run(size_t count, int64_t interval_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t start = now_ms();
    for (int64_t done = 0;;) {
        int ready = epoll_wait(epoll, events, EVENTS_MAX, TICK_MS);
        for (int i = 0; i < ready; i++) {
            hear(events[i].data.u64);
        }
        for (int64_t due = (now_ms() - start) * (int64_t)count / interval_ms; done < due; done++) {
            step((size_t)done % count);
        }
    }
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 5 && i < sizeof behaviours / sizeof *behaviours; i++) {
        how = strcmp(argv[2], behaviours[i].name) == 0 ? &behaviours[i] : how;
    }
    size_t count = how != NULL ? strtoul(argv[3], NULL, 10) : 0;
    int64_t interval_ms = how != NULL ? 1000 * atoll(argv[4]) : 0;
    if (count == 0 || interval_ms <= 0) {
        fprintf(stderr, "usage: slow PORT heads|bodies|readers|idle|handlers COUNT INTERVAL\n");
        return 2;
    }
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    fds = calloc(count, sizeof *fds);
    if (epoll < 0 || fds == NULL) {
        die("start");
    }
    for (size_t i = 0; i < count; i++) {
        open_client(i);
    }
    puts("ready");
    fflush(stdout);
    run(count, interval_ms);
}
