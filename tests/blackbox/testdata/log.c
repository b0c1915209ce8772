/*
 * A server that logs through a callback: log <address> ... Each line comes on stdout as "log <level> <length>|<line>".
 */
#include "program.h"

#include <pthread.h>

static forker_server *server;

static void take_line(int level, const char *line, size_t len, void *user)
{
    char text[8192];
    snprintf(text, sizeof text, "%s %d %zu|%s\n", (const char *)user, level, len, line);
    tell(text);
}

static int log_line(forker_request *req, void *user)
{
    (void)user;
    return forker_server_log(server, FORKER_LOG_WARN, forker_request_query_param(req, "text", NULL)) == FORKER_OK
               ? response_text(req, "logged\n")
               : FORKER_E_INTERNAL;
}

enum { THREADS = 4, LINES = 50 };

static void *log_lines(void *user)
{
    for (int i = 0; i < LINES; i++) {
        forker_server_log(server, FORKER_LOG_ERROR, "from a thread");
    }
    return user;
}

/* Logs from several threads at once. */
static int log_together(forker_request *req, void *user)
{
    pthread_t threads[THREADS];
    (void)user;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, log_lines, NULL) != 0) {
            return FORKER_E_SYSTEM;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return response_text(req, "logged\n");
}

int main(int argc, char **argv)
{
    server = forker_server_new();
    forker_server_handle(server, "GET", "/log", log_line, NULL);
    forker_server_handle(server, "GET", "/together", log_together, NULL);
    for (int i = 1; i < argc; i++) {
        forker_server_listen(server, argv[i]);
    }
    forker_server_set_log(server, take_line, "log");
    forker_server_on_worker_init(server, tell_worker, NULL);
    return serve_to_end(server);
}
