/*
 * Functions that are to be called on the main thread of the process that serves.
 *
 * Any thread may post one; the loop learns of it by an eventfd. While no loop is open there is no eventfd and nobody
 * takes the lock, so it is free in every process that is forked to serve.
 */
#include "exchange/post.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/process.h"
#include "setup/callback.h"

typedef struct fk_post {
    struct fk_post *next;
    forker_post_fn fn;
    void *user;
} fk_post;

int fk_post_open(forker_server *server)
{
    int fd = fk_descriptor_raise(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    __atomic_store_n(&server->posts.fd, fd, __ATOMIC_RELEASE);
    return fd;
}

int forker_server_post(forker_server *server, forker_post_fn fn, void *user)
{
    if (server == NULL || fn == NULL) {
        return FORKER_E_INVALID;
    }
    if (fk_process.go_lost) {
        return FORKER_E_PROCESS;
    }
    fk_posts *posts = &server->posts;
    if (__atomic_load_n(&posts->fd, __ATOMIC_ACQUIRE) < 0) {
        return FORKER_E_STATE;
    }
    fk_post *post = malloc(sizeof *post);
    if (post == NULL) {
        return FORKER_E_MEMORY;
    }
    *post = (fk_post){NULL, fn, user};
    int code = FORKER_E_STATE;
    (void)pthread_mutex_lock(&posts->lock);
    if (posts->fd >= 0) {
        bool wake = posts->first == NULL;
        *(wake ? &posts->first : &posts->last->next) = post;
        posts->last = post;
        if (wake) {
            ssize_t written = write(posts->fd, &(uint64_t){1}, sizeof(uint64_t));
            (void)written; /* it cannot fail: the counter is far from its end */
        }
        code = FORKER_OK;
    }
    (void)pthread_mutex_unlock(&posts->lock);
    if (code != FORKER_OK) {
        free(post);
    }
    return code;
}

/* Takes all functions. With the lock. */
static fk_post *take(fk_posts *posts)
{
    fk_post *first = posts->first;
    posts->first = posts->last = NULL;
    return first;
}

static void call_all(forker_server *server, fk_post *post)
{
    while (post != NULL) {
        fk_post *next = post->next;
        sigset_t blocked;
        fk_thread_enter_program(&blocked);
        post->fn(server, post->user);
        fk_callback_check(server, "posted function");
        fk_thread_leave_program(&blocked);
        free(post);
        post = next;
    }
}

void fk_post_run(forker_server *server)
{
    fk_posts *posts = &server->posts;
    uint64_t woken;
    (void)pthread_mutex_lock(&posts->lock);
    ssize_t got = read(posts->fd, &woken, sizeof woken);
    (void)got; /* only that there are some counts */
    fk_post *first = take(posts);
    (void)pthread_mutex_unlock(&posts->lock);
    call_all(server, first);
}

void fk_post_close(forker_server *server)
{
    fk_posts *posts = &server->posts;
    (void)pthread_mutex_lock(&posts->lock);
    fk_post *first = take(posts);
    fk_descriptor_close((int *)&posts->fd);
    (void)pthread_mutex_unlock(&posts->lock);
    call_all(server, first);
}
