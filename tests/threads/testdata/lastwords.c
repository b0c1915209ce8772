/*
 * Threads that log errors of the program at once, in a worker: ThreadSanitizer sees who writes the worker's last words,
 * and what is left of them is one of the texts, whole. Linked with files of the log room; what these need of others
 * is at the end.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "log/log.h"
#include "log/logfile.h"
#include "log/loglimit.h"

enum { THREADS = 4, LINES = 2000, LEN = 60 };

static forker_server *server;
static int logged; /* atomic */

static void count_line(int level, const char *line, size_t len, void *user)
{
    (void)level;
    (void)line;
    (void)len;
    (void)user;
    __atomic_fetch_add(&logged, 1, __ATOMIC_RELAXED);
}

/* Logs a text that is one letter again and again. */
static void *log_errors(void *letter)
{
    char text[LEN + 1] = {0};
    memset(text, (int)(intptr_t)letter, LEN);
    for (int i = 0; i < LINES; i++) {
        if (forker_server_log(server, FORKER_LOG_ERROR, text) != FORKER_OK) {
            abort();
        }
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    static fk_slot slot;
    server = calloc(1, sizeof *server);
    if (server == NULL) {
        return 2;
    }
    server->hooks.log_fn = count_line;
    fk_process.role = FK_ROLE_WORKER;
    fk_process.slot = &slot;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, log_errors, (void *)(intptr_t)('a' + i));
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    size_t same = strspn(slot.last_words, (char[]){slot.last_words[0], '\0'});
    printf("%d lines, the last words are %s\n", logged, slot.last_words);
    free(server);
    return logged == THREADS * LINES && same == LEN && strlen(slot.last_words) == LEN ? 0 : 1;
}

/* ------------------------------------------------------------------------------------- what the log needs of others */

fk_process_state fk_process;

const char *fk_process_name(void)
{
    return "worker 0";
}

bool fk_loglimit_allows(forker_server *own_server, int level, uint32_t *missed_out)
{
    (void)own_server;
    (void)level;
    *missed_out = 0;
    return true;
}

uint32_t fk_loglimit_missed(forker_server *own_server, int level)
{
    (void)own_server;
    (void)level;
    return 0;
}

uint32_t fk_loglimit_close(forker_server *own_server, int level)
{
    (void)own_server;
    (void)level;
    return 0;
}

uint64_t fk_loglimit_due(const forker_server *own_server, int level)
{
    (void)own_server;
    (void)level;
    return UINT64_MAX;
}

void fk_loglimit_arm(const forker_server *own_server)
{
    (void)own_server;
}

const forker_option *forker_option_at(size_t index)
{
    (void)index;
    return NULL;
}

const char *forker_option_name(const forker_option *option)
{
    (void)option;
    return NULL;
}
