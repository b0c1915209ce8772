/*
 * Says which routes and hosts can be registered, which options can be set, and what leads to a route. From stdin come commands, in which each text has
 * a NUL behind it:
 *   n   a new server
 *   h   methods and pattern; to stdout goes 1 if the route was taken, else 0
 *   g   a host; 1 if it was taken, else 0
 *   o   name and value of an option; 1 if it was taken, else 0
 *   u   a pattern, a digit for how many parameters, their names and values: the negative of forker_url()'s code for a server
 *       with that route only, or 255 if that was not taken, and the path with its NUL
 */
#define _GNU_SOURCE

#include "program.h"

#include <stdlib.h>

enum { PARAMETERS_MAX = 9, TEXTS = 2 + 2 * PARAMETERS_MAX, NOT_TAKEN = 255 };

/* The texts of a command, and the room that each has. */
static char *texts[TEXTS];
static size_t rooms[TEXTS];

static int never(forker_request *req, void *user)
{
    (void)req;
    (void)user;
    return FORKER_E_INTERNAL;
}

/* Reads so many texts, from number `first` on. Returns 1, or 0 at the end of the input. */
static int read_texts(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        if (getdelim(&texts[i], &rooms[i], '\0', stdin) <= 0) {
            return 0;
        }
    }
    return 1;
}

static int reply(const void *data, size_t len)
{
    return write(STDOUT_FILENO, data, len) == (ssize_t)len;
}

static int reply_url(void)
{
    static char url[8192];
    const char *names[PARAMETERS_MAX], *values[PARAMETERS_MAX];
    int digit = getchar(), count = digit >= '0' && digit <= '9' ? digit - '0' : 0;
    if (!read_texts(2, 2 * count)) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        names[i] = texts[2 + 2 * i];
        values[i] = texts[3 + 2 * i];
    }
    forker_server *server = forker_server_new();
    forker_route *route = NULL;
    unsigned char code = NOT_TAKEN;
    url[0] = '\0';
    if (forker_server_route(server, "GET", texts[0], never, NULL, &route) == FORKER_OK &&
        forker_route_set(route, "name", "it") == FORKER_OK) {
        code = (unsigned char)-forker_url(server, "it", names, values, (size_t)count, url, sizeof url);
    }
    forker_server_free(server);
    return reply(&code, 1) && reply(url, strlen(url) + 1);
}

int main(void)
{
    forker_server *server = forker_server_new();
    int command, goes_on = 1;
    char taken;
    while (goes_on && (command = getchar()) != EOF) {
        switch (command) {
        case 'n':
            forker_server_free(server);
            server = forker_server_new();
            break;
        case 'h':
            goes_on = read_texts(0, 2);
            taken = goes_on && forker_server_handle(server, texts[0], texts[1], never, NULL) == FORKER_OK;
            goes_on = goes_on && reply(&taken, 1);
            break;
        case 'g':
            goes_on = read_texts(0, 1);
            taken = goes_on && forker_server_host(server, texts[0]) != NULL;
            goes_on = goes_on && reply(&taken, 1);
            break;
        case 'o':
            goes_on = read_texts(0, 2);
            taken = goes_on && forker_server_set(server, texts[0], texts[1]) == FORKER_OK;
            goes_on = goes_on && reply(&taken, 1);
            break;
        default:
            goes_on = read_texts(0, 1) && reply_url();
        }
    }
    for (int i = 0; i < TEXTS; i++) {
        free(texts[i]);
    }
    forker_server_free(server);
    return 0;
}
