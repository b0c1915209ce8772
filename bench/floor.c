/*
 * The floor: the least that a server written in C around epoll(7) can do. One thread; of a request nothing is parsed
 * but the blank line at the end of its head; the response is constant and has the bytes that libforker's has. No parser,
 * router, timer, limit or log: what a real server needs more of time per request is the price of those.
 *
 *     floor PORT keep-alive|close BODY UPLOAD [FILE]
 *
 * keep-alive answers any number of requests per connection, those that came together with one write; close answers one
 * and closes. The body of a response has BODY bytes, unless requests have a body of UPLOAD bytes, greater than 0: then
 * the response is that number. With FILE the response is the file, by sendfile(2).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 65536,
    READ_SIZE = 65536,
    EVENTS_MAX = 256,
    BATCH_MAX = 64,
    BATCH_BYTES = 65536,
    HEAD_MAX = 256
};

/* Where each connection, by its descriptor, is in its request. */
static struct {
    unsigned char matched; /* bytes of "\r\n\r\n" that came last */
    size_t body_left;      /* bytes of the body that are still to come */
} progress[CONNECTIONS_MAX];

/* The response, as many times as one write is to carry. */
static struct {
    char *bytes;
    size_t len;
    size_t batch;
    char *body;
    size_t body_len;
    size_t upload;
    int file; /* -1: none; else only the head is in bytes */
    bool keep_alive;
} answer;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/*
 * Formats the responses anew when the second has changed: Date has a resolution of one second (RFC 9110 section 6.6.1).
 */
static void format_responses(void)
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
    int head = snprintf(answer.bytes, HEAD_MAX,
                        "HTTP/1.1 200 OK\r\nServer: libforker\r\nDate: %s\r\nContent-Length: %zu\r\n"
                        "Content-Type: text/plain\r\n%s\r\n",
                        date, answer.body_len, answer.keep_alive ? "" : "Connection: close\r\n");
    size_t body = answer.file < 0 ? answer.body_len : 0;
    memcpy(answer.bytes + head, answer.body, body);
    answer.len = (size_t)head + body;
    answer.batch = BATCH_BYTES / answer.len < BATCH_MAX ? BATCH_BYTES / answer.len : BATCH_MAX;
    answer.batch = answer.file < 0 && answer.batch > 0 ? answer.batch : 1;
    for (size_t i = 1; i < answer.batch; i++) {
        memcpy(answer.bytes + i * answer.len, answer.bytes, answer.len);
    }
}

static void make_response(size_t body_len, size_t upload, const char *file)
{
    struct stat status = {0};
    answer.upload = upload;
    answer.file = file != NULL ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    if (file != NULL && (answer.file < 0 || fstat(answer.file, &status) < 0)) {
        die(file);
    }
    answer.body_len = file != NULL ? (size_t)status.st_size : body_len;
    answer.body = malloc(answer.body_len + 32);
    answer.bytes = malloc(HEAD_MAX + answer.body_len + BATCH_BYTES + 32);
    if (answer.body == NULL || answer.bytes == NULL) {
        die("floor: malloc");
    }
    memset(answer.body, 'x', answer.body_len);
    if (body_len == strlen("greeting!!!")) {
        memcpy(answer.body, "greeting!!!", body_len);
    }
    if (upload > 0) {
        answer.body_len = (size_t)sprintf(answer.body, "%zu", upload);
    }
}

/* Takes bytes of a head, up to the end of one. Returns how many; `done` tells if the blank line was among them. */
static size_t take_head(unsigned char *match, const char *from, size_t len, bool *done)
{
    static const char blank[4] = {'\r', '\n', '\r', '\n'};
    const char *p = from, *end = from + len;
    *done = false;
    while (p < end && !*done) {
        if (*match == 0) {
            p = memchr(p, '\r', (size_t)(end - p));
            if (p == NULL) {
                return len;
            }
        }
        *match = *p == blank[*match] ? (unsigned char)(*match + 1) : *p == '\r';
        p++;
        if (*match == sizeof blank) {
            *match = 0;
            *done = true;
        }
    }
    return (size_t)(p - from);
}

/* Counts the requests that are complete in what a connection has sent; the count goes on across reads. */
static size_t count_requests(int fd, const char *from, size_t len)
{
    size_t count = 0;
    while (len > 0) {
        size_t *left = &progress[fd].body_left;
        bool complete = false;
        size_t taken = *left < len ? *left : len;
        if (*left > 0) {
            *left -= taken;
            complete = *left == 0;
        } else {
            taken = take_head(&progress[fd].matched, from, len, &complete);
            *left = complete ? answer.upload : 0;
            complete = complete && *left == 0;
        }
        count += complete;
        from += taken;
        len -= taken;
    }
    return count;
}

/* Waits until the client takes more. False if the connection is broken. */
static bool wait_for_room(int fd)
{
    return errno == EAGAIN && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1) > 0;
}

/* Sends all of it, waiting if the client does not keep up. False if the connection is broken. */
static bool send_all(int fd, const char *from, size_t len, int flags)
{
    while (len > 0) {
        ssize_t sent = send(fd, from, len, MSG_NOSIGNAL | flags);
        if (sent < 0 && !wait_for_room(fd)) {
            return false;
        }
        from += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool send_file(int fd)
{
    off_t at = 0;
    if (!send_all(fd, answer.bytes, answer.len, MSG_MORE)) {
        return false;
    }
    while ((size_t)at < answer.body_len) {
        if (sendfile(fd, answer.file, &at, answer.body_len - (size_t)at) < 0 && !wait_for_room(fd)) {
            return false;
        }
    }
    return true;
}

static bool send_responses(int fd, size_t count)
{
    while (count > 0) {
        size_t batch = count < answer.batch ? count : answer.batch;
        if (answer.file >= 0 ? !send_file(fd) : !send_all(fd, answer.bytes, batch * answer.len, 0)) {
            return false;
        }
        count -= batch;
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
    size_t count = count_requests(fd, buffer, (size_t)got);
    if (answer.keep_alive) {
        return send_responses(fd, count);
    }
    return count == 0 || (send_responses(fd, 1), false);
}

/*
 * Accepts all that wait. A connection is served at once, its request is most often there; it is registered if it stays.
 */
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
        memset(&progress[fd], 0, sizeof progress[fd]);
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
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) {
        die("floor: listen");
    }
    return listener;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: floor PORT keep-alive|close BODY UPLOAD [FILE]\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no flag for that */
    answer.keep_alive = strcmp(argv[2], "close") != 0;
    make_response(strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10), argc > 5 ? argv[5] : NULL);
    int listener = listen_on(argv[1]);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
        die("floor: epoll");
    }
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(epoll, events, EVENTS_MAX, -1);
        format_responses();
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
