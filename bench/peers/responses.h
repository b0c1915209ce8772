/*
 * What the servers written in C and C++ answer, the same for all: a body by the path of the request. Each of them is
 * started as
 *
 *     server PORT CONNECTIONS DIRECTORY
 *
 * and serves on 127.0.0.1: GET / and /1k, /64k, /1m; POST /upload, which answers how many bytes came; and, if it can
 * send files, GET /files/1m from DIRECTORY, or if it can serve directories, all below DIRECTORY/static. CONNECTIONS is how
 * many there will be at once. Those that can speak TLS do so if there is a certificate in DIRECTORY, tls.pem, and its
 * key, tls.key.
 */
#ifndef BENCH_RESPONSES_H
#define BENCH_RESPONSES_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RESPONSE_TYPE "text/plain"

typedef struct {
    const char *path;
    size_t len;
    const char *data;
} response;

static response responses[] = {
    {"/", 11, "greeting!!!"},
    {"/1k", (size_t)1 << 10, NULL},
    {"/64k", (size_t)64 << 10, NULL},
    {"/1m", (size_t)1 << 20, NULL},
};

enum { RESPONSES = sizeof responses / sizeof responses[0], RESPONSE_MOST = 1 << 20, DATE_SIZE = 30 };

static inline void fill_responses(void)
{
    char *filler = (char *)malloc(RESPONSE_MOST);
    if (filler == NULL) {
        exit(1);
    }
    memset(filler, 'x', RESPONSE_MOST);
    for (int i = 0; i < RESPONSES; i++) {
        responses[i].data = responses[i].data != NULL ? responses[i].data : filler;
    }
}

/* NULL if there is none. */
static inline const response *find_response(const char *path, size_t len)
{
    for (int i = 0; i < RESPONSES; i++) {
        if (strlen(responses[i].path) == len && memcmp(responses[i].path, path, len) == 0) {
            return &responses[i];
        }
    }
    return NULL;
}

/* The Date field's value, formatted once a second in each thread, for servers that do not send one by themselves. */
static inline const char *date_now(void)
{
    static __thread char text[DATE_SIZE];
    static __thread time_t formatted;
    time_t now = time(NULL);
    if (now != formatted) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
        formatted = now;
    }
    return text;
}

static inline void wait_for_term(void)
{
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigwait(&set, &number);
}

/* To be called before threads are started, so that they leave SIGTERM to wait_for_term(). */
static inline void block_term(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

#endif
