/*
 * Uploads that go to files as they come. Start it with `build/upload` (or `build/upload 127.0.0.1:9000
 * /some/directory`), then:
 *
 *     curl -T some.iso http://localhost:8080/files/     has it written to some.iso in the directory
 *
 * A thread of the worker writes to the disk, so that handlers never wait for it. Meanwhile the body is paused: a client
 * that sends faster than the disk writes has to wait, and no upload takes more memory than one piece, however large it
 * is.
 *
 * End it with Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <forker.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 200 };

#define PART_NAME ".upload-XXXXXX" /* of a file that is not complete, see mkstemp(3) */

/* One file on its way. */
typedef struct upload {
    struct upload *next; /* in the queue */
    forker_deferred handle;
    int fd;
    char part[sizeof PART_NAME];
    char name[NAME_MAX_BYTES + 1];
    char *piece; /* a copy: the library's is gone when on_body returns */
    size_t len;
    int last;   /* as on_body was told */
    int failed; /* the file lacks something */
    int queued; /* the thread has it, or will; guarded by the lock, as is `last` meanwhile */
} upload;

/* What the thread has to work on, first come first served. Each worker has its own, as it has its own thread. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t added = PTHREAD_COND_INITIALIZER;
static upload *first, **behind_last = &first;

/* ----------------------------------------------------------------------------------------------------- the thread */

static upload *next_upload(void) {
    pthread_mutex_lock(&lock);
    while (first == NULL)
        pthread_cond_wait(&added, &lock);
    upload *u = first;
    first = u->next;
    if (first == NULL)
        behind_last = &first;
    pthread_mutex_unlock(&lock);
    return u;
}

static int write_piece(const upload *u) {
    for (size_t at = 0; at < u->len;) {
        ssize_t n = write(u->fd, u->piece + at, u->len - at);
        if (n < 0 && errno != EINTR)
            return 0;
        at += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

/* If the client has left, or has its response, the handle knows that. */
static void respond(const upload *u) {
    if (u->failed)
        forker_deferred_respond(u->handle, 507, "text/plain", "it cannot be written\n", 21);
    else
        forker_deferred_respond(u->handle, 201, "text/plain", "written\n", 8);
}

/* The body is complete, or will never be. */
static void finish(upload *u) {
    if (close(u->fd) != 0 || u->last != 1 || u->failed || rename(u->part, u->name) != 0) {
        unlink(u->part);
        u->failed = 1;
    }
    respond(u);
    free(u->piece);
    free(u);
}

static void *write_uploads(void *unused) {
    for (;;) {
        upload *u = next_upload();
        u->failed = u->failed || !write_piece(u);
        if (u->failed)
            respond(u); /* at once; what is still to come of the body is not taken any more */
        pthread_mutex_lock(&lock);
        u->queued = 0;
        int last = u->last;
        pthread_mutex_unlock(&lock);
        if (last != 0)
            finish(u);
        else
            forker_deferred_resume(u->handle);
    }
    return unused;
}

/* ------------------------------------------------------------------------------------------------- the main thread */

/* Gives the upload to the thread. Called with the lock. */
static void enqueue(upload *u) {
    u->queued = 1;
    u->next = NULL;
    *behind_last = u;
    behind_last = &u->next;
    pthread_cond_signal(&added);
}

static void keep_piece(upload *u, const void *data, size_t len) {
    char *piece = realloc(u->piece, len + 1); /* never 0 */
    if (piece == NULL) {
        u->failed = 1;
        return;
    }
    u->piece = piece;
    u->len = len;
    if (len > 0)
        memcpy(piece, data, len);
}

static int on_body(forker_request *req, const void *data, size_t len, int last, void *user) {
    upload *u = user;
    pthread_mutex_lock(&lock);
    u->last = last;
    if (!u->queued) { /* else the client has left in the pause, and the thread will see that */
        keep_piece(u, data, len);
        if (last == 0)
            forker_request_pause(req); /* before the thread can end the pause */
        enqueue(u);
    }
    pthread_mutex_unlock(&lock);
    return FORKER_OK;
}

/* Nothing that leads out of the directory, or to a file that is not complete. */
static int is_name(const char *name) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MAX_BYTES && name[0] != '.' && strspn(name, allowed) == len;
}

/* Called at the head of the request. A response now spares the client the upload. */
static int begin_upload(forker_request *req, void *user) {
    (void)user;
    const char *name = forker_request_param(req, "name", NULL);
    if (!is_name(name))
        return forker_respond_error(req, 400, "not a name for a file");
    upload *u = calloc(1, sizeof *u);
    if (u == NULL)
        return FORKER_E_MEMORY;
    strcpy(u->name, name);
    strcpy(u->part, PART_NAME);
    u->fd = mkstemp(u->part);
    if (u->fd < 0 || forker_request_defer(req, &u->handle) != FORKER_OK) {
        if (u->fd >= 0) {
            close(u->fd);
            unlink(u->part);
        }
        free(u);
        return forker_respond_error(req, 507, "no file can be made");
    }
    forker_request_on_body(req, on_body, u);
    return FORKER_DEFERRED;
}

/* In each worker: fork would not carry the thread over. */
static int start_thread(forker_server *srv, int32_t worker, void *user) {
    pthread_t thread;
    (void)srv, (void)worker, (void)user;
    return pthread_create(&thread, NULL, write_uploads, NULL) == 0 ? FORKER_OK : FORKER_E_SYSTEM;
}

int main(int argc, char **argv) {
    if (argc > 2 && chdir(argv[2]) != 0) {
        perror(argv[2]);
        return 1;
    }
    forker_server *srv = forker_server_new();
    forker_server_on_worker_init(srv, start_thread, NULL);
    forker_route *route;
    forker_server_route(srv, "PUT", "/files/:name", begin_upload, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_route_set(route, "max_body", "100g");
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    int result = forker_server_run(srv);
    if (result != FORKER_OK)
        fprintf(stderr, "upload: %s\n", forker_server_error(srv));
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
