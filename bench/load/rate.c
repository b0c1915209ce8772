/*
 * Load at a fixed rate, to measure latency: request number k is due at k / RATE seconds, whatever became of the ones
 * before. A request that finds no idle connection waits for one, and its latency counts from when it was due: a server
 * that stands still for a while gets the delay of every request that should have been sent meanwhile, not only of those
 * that were (open loop, no coordinated omission).
 *
 *     rate PORT CONNECTIONS RATE SECONDS
 *
 * asks 127.0.0.1:PORT for "/", and prints one line: requests, responses per second, and the latency at 50, 90, 99 and
 * 99.9 percent and the greatest one, in microseconds. The time starts when all connections are open and have had an
 * answer. RATE 0 is as fast as it goes: each connection sends its next request when it has the response. All responses must
 * be as long as the first one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

static const char request[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

enum { EVENTS_MAX = 256, READ_SIZE = 65536, SETTLE_NS = 100000000 };

typedef struct {
    int fd;
    size_t missing; /* bytes of the answer that are still to come; 0: idle */
    int64_t due_ns;
} connection;

static connection *connections;
static connection **idle; /* the one that was used last goes first */
static size_t idle_count;

static size_t response_len;
static int64_t start_ns, end_ns, interval_ns; /* interval_ns 0: as fast as it goes */
static size_t sent, answered, latencies_room;
static int64_t *latencies;

static void die(const char *what)
{
    fprintf(stderr, "rate: %s: %s\n", what, errno != 0 ? strerror(errno) : "it left or answered otherwise");
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* When the next request is due. */
static int64_t next_due_ns(void)
{
    return start_ns + (int64_t)sent * interval_ns;
}

static int connect_to(const char *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        die("connect");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* One request on each connection before the time starts: the server has then seen them all. */
static void ask_first(connection *c)
{
    char buffer[READ_SIZE + 1];
    size_t got = 0, whole = 0;
    if (send(c->fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1) {
        die("send");
    }
    while (got == 0 || got < whole) {
        ssize_t more = recv(c->fd, buffer + got, READ_SIZE - got, 0);
        if (more <= 0) {
            die("first answer");
        }
        got += (size_t)more;
        buffer[got] = '\0';
        const char *end = strstr(buffer, "\r\n\r\n"), *length = strcasestr(buffer, "\r\nContent-Length:");
        if (end != NULL && length != NULL && length < end) {
            whole = (size_t)(end + 4 - buffer) + strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
        } else {
            whole = READ_SIZE;
        }
    }
    response_len = response_len != 0 ? response_len : whole;
    errno = 0;
    if (got != response_len) {
        die("first answer");
    }
}

/* Sends every request that is due, as far as there are idle connections. */
static void send_due(int64_t now)
{
    while (idle_count > 0 && now >= start_ns && next_due_ns() <= now && next_due_ns() < end_ns) {
        connection *c = idle[--idle_count];
        c->due_ns = interval_ns > 0 ? next_due_ns() : now;
        sent++;
        c->missing = response_len;
        if (send(c->fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t)sizeof request - 1) {
            die("send");
        }
    }
}

static void note_latency(int64_t latency)
{
    if (answered == latencies_room) {
        latencies_room = latencies_room > 0 ? 2 * latencies_room : 1 << 16;
        latencies = realloc(latencies, latencies_room * sizeof *latencies);
        if (latencies == NULL) {
            die("realloc");
        }
    }
    latencies[answered++] = latency;
}

static void receive(connection *c)
{
    char buffer[READ_SIZE];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0 || (size_t)got > c->missing) {
        die("answer");
    }
    c->missing -= (size_t)got;
    if (c->missing == 0) {
        note_latency(now_ns() - c->due_ns);
        idle[idle_count++] = c;
    }
}

static void wake_at(int timer, int64_t at)
{
    struct itimerspec when = {.it_value = {.tv_sec = at / SECOND_NS, .tv_nsec = at % SECOND_NS}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void handle(const struct epoll_event *event, int timer)
{
    uint64_t expired;
    if (event->data.ptr != NULL) {
        receive(event->data.ptr);
    } else if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN) {
        die("timer");
    }
}

static bool is_over(int64_t now)
{
    return answered == sent && (interval_ns > 0 ? next_due_ns() >= end_ns : now >= end_ns);
}

static void run(int epoll, int timer)
{
    struct epoll_event events[EVENTS_MAX];
    for (int64_t now = now_ns(); !is_over(now); now = now_ns()) {
        if (now < end_ns || interval_ns > 0) {
            send_due(now);
        }
        if (idle_count > 0 && next_due_ns() < end_ns) {
            wake_at(timer, next_due_ns());
        }
        int count = epoll_wait(epoll, events, EVENTS_MAX, 10000);
        errno = 0;
        if (count == 0) {
            die("no answer for 10 s");
        }
        for (int i = 0; i < count; i++) {
            handle(&events[i], timer);
        }
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(double percent)
{
    size_t rank = (size_t)(percent / 100 * (double)(answered - 1) + 0.5);
    return (double)latencies[rank] / 1000;
}

static void report(int64_t took_ns)
{
    qsort(latencies, answered, sizeof *latencies, compare);
    printf("%zu %.0f %.1f %.1f %.1f %.1f %.1f\n", answered, (double)answered * (double)SECOND_NS / (double)took_ns,
           percentile_us(50), percentile_us(90), percentile_us(99), percentile_us(99.9), percentile_us(100));
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: rate PORT CONNECTIONS RATE SECONDS\n");
        return 2;
    }
    size_t count = strtoul(argv[2], NULL, 10);
    int64_t rate = atoll(argv[3]), seconds = atoll(argv[4]);
    connections = calloc(count, sizeof *connections);
    idle = calloc(count, sizeof *idle);
    int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (count == 0 || rate < 0 || seconds <= 0 || connections == NULL || idle == NULL || epoll < 0 || timer < 0) {
        die("start");
    }
    struct epoll_event event = {.events = EPOLLIN};
    (void)epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
    for (size_t i = 0; i < count; i++) {
        connections[i].fd = connect_to(argv[1]);
        ask_first(&connections[i]);
        event.data.ptr = idle[idle_count++] = &connections[i];
        (void)epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
    }
    interval_ns = rate > 0 ? SECOND_NS / rate : 0;
    start_ns = now_ns() + SETTLE_NS;
    end_ns = start_ns + seconds * SECOND_NS;
    run(epoll, timer);
    report(now_ns() - start_ns);
    return 0;
}
