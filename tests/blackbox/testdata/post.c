/* Functions that are posted to the main thread, by handlers and by other threads: post <address> */
#include "program.h"

#include <pthread.h>
#include <stdbool.h>

enum { THREADS = 4, EACH = 500 };

static forker_server *server;
static pthread_t main_thread;
static bool in_handler;

static int remember_thread(forker_server *serving, int32_t worker, void *user)
{
    main_thread = pthread_self();
    return tell_worker(serving, worker, user);
}

/* Tells its text, and what is wrong with the way it was called. */
static void tell_text(forker_server *serving, void *user)
{
    char line[128];
    snprintf(line, sizeof line, "%s%s%s%s\n", (const char *)user, serving == server ? "" : " of another server",
             pthread_equal(pthread_self(), main_thread) ? "" : " elsewhere", in_handler ? " within the handler" : "");
    tell(line);
}

static void tell_and_post(forker_server *serving, void *user)
{
    (void)user;
    tell_text(serving, "second");
    forker_server_post(serving, tell_text, "fourth");
}

static int post_some(forker_request *req, void *user)
{
    (void)user;
    in_handler = true;
    forker_server_post(server, tell_text, "first");
    forker_server_post(server, tell_and_post, NULL);
    forker_server_post(server, tell_text, "third");
    in_handler = false;
    return response_text(req, "posted\n");
}

static int counted; /* by the main thread only */

static void count(forker_server *serving, void *user)
{
    (void)serving;
    (void)user;
    counted++;
}

static void *post_many(void *user)
{
    for (int i = 0; i < EACH; i++) {
        if (forker_server_post(server, count, NULL) != FORKER_OK) {
            tell("not posted\n");
        }
    }
    return user;
}

static int post_from_threads(forker_request *req, void *user)
{
    pthread_t threads[THREADS];
    (void)user;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, post_many, NULL);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return response_text(req, "posted\n");
}

static int tell_count(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d of %d\n", counted, THREADS * EACH);
    return response_text(req, text);
}

static void post_again(forker_server *serving, void *user)
{
    if (forker_server_post(serving, post_again, user) != FORKER_OK) {
        tell("no more is taken\n");
    }
}

/* A function that posts itself over and over holds up neither others nor the end. */
static int post_without_end(forker_request *req, void *user)
{
    forker_server_post(server, post_again, user);
    return response_text(req, "posted\n");
}

static void tell_code(const char *when)
{
    char line[64];
    snprintf(line, sizeof line, "%s %d\n", when, forker_server_post(server, count, NULL));
    tell(line);
}

int main(int argc, char **argv)
{
    server = forker_server_new();
    if (argc != 2) {
        return 2;
    }
    forker_server_on_worker_init(server, remember_thread, NULL);
    forker_server_handle(server, "GET", "/some", post_some, NULL);
    forker_server_handle(server, "GET", "/threads", post_from_threads, NULL);
    forker_server_handle(server, "GET", "/count", tell_count, NULL);
    forker_server_handle(server, "GET", "/endless", post_without_end, NULL);
    forker_server_listen(server, argv[1]);
    tell_code("before");
    tell_addresses(server);
    int status = run_and_tell(server);
    tell_code("after");
    forker_server_free(server);
    return status;
}
