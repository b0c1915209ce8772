/*
 * The floor: the least that a server written in C around epoll(7) can do. One thread; of a request nothing is parsed but the blank
 * line at its end; the answer is constant and has the bytes that libforker's has. No parser, router, timer, limit or
 * log: what a real server needs more of time per request is the price of those.
 *
 *     floor PORT keep-alive|close
 *
 * keep-alive answers any number of requests per connection, those that came together with one write; close answers one
 * and closes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 65536, READ_SIZE = 16384, EVENTS_MAX = 256, ANSWERS_MAX = 64, ANSWER_SIZE = 512 };

/* How many bytes of "\r\n\r\n" each connection, by its descriptor, has seen last. */
static unsigned char matched[CONNECTIONS_MAX];

/* As many answers as one write can carry, each answer_len long. */
static char answers[ANSWERS_MAX * ANSWER_SIZE];
static size_t answer_len;
static bool keep_alive;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Formats the answers anew when the second has changed: Date has a resolution of one second (RFC 9110 section 6.6.1). */
static void format_answers(void)
{
    static time_t formatted;
    time_t now = time(NULL);
    if (now == formatted) {
        return;
    }
    formatted = now;

    struct tm utc;
    char date[64];
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    int len = snprintf(answers, ANSWER_SIZE,
                       "HTTP/1.1 200 OK\r\nServer: libforker\r\nDate: %s\r\nContent-Length: 11\r\n"
                       "Content-Type: text/plain\r\n%s\r\ngreeting!!!",
                       date, keep_alive ? "" : "Connection: close\r\n");
    answer_len = (size_t)len;
    for (size_t i = 1; i < ANSWERS_MAX; i++) {
        memcpy(answers + i * answer_len, answers, answer_len);
    }
}

/* Counts the blank lines in what a connection has sent; the count goes on across reads. */
static size_t count_heads(unsigned char *match, const char *from, size_t len)
{
    static const char blank[4] = {'\r', '\n', '\r', '\n'};
    const char *end = from + len;
    size_t count = 0;
    while (from < end) {
        if (*match == 0) {
            from = memchr(from, '\r', (size_t)(end - from));
            if (from == NULL) {
                break;
            }
        }
        *match = *from == blank[*match] ? (unsigned char)(*match + 1) : *from == '\r';
        from++;
        if (*match == sizeof blank) {
            *match = 0;
            count++;
        }
    }
    return count;
}

/* Sends all of it, waiting if the client does not keep up. False if the connection is broken. */
static bool send_all(int fd, const char *from, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, from, len, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                return false;
            }
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
            continue;
        }
        from += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* Answers what has come. False if the connection is to be closed. */
static bool serve(int fd)
{
    char buffer[READ_SIZE];
    ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) {
        return got < 0 && errno == EAGAIN;
    }
    size_t heads = count_heads(&matched[fd], buffer, (size_t)got);
    if (!keep_alive) {
        if (heads > 0) {
            (void)send_all(fd, answers, answer_len);
        }
        return heads == 0;
    }
    while (heads > 0) {
        size_t batch = heads < ANSWERS_MAX ? heads : ANSWERS_MAX;
        if (!send_all(fd, answers, batch * answer_len)) {
            return false;
        }
        heads -= batch;
    }
    return true;
}

/* Accepts all that wait. A connection is served at once, its request is most often there; it is registered if it stays. */
static void accept_all(int epoll, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        matched[fd] = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (!serve(fd) || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
            close(fd);
        }
    }
}

static int listen_on(const char *port)
{
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        die("floor: listen");
    }
    return listener;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: floor PORT keep-alive|close\n");
        return 2;
    }
    keep_alive = strcmp(argv[2], "close") != 0;
    int listener = listen_on(argv[1]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
        die("floor: epoll");
    }
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        format_answers();
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(epoll, listener);
            } else if (!serve(fd)) {
                close(fd);
            }
        }
    }
}
