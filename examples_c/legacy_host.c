/*
 * An old program that gains HTTP by one call. Before, it was a spelling checker: it loads a word list, keeps a pid
 * file, counts SIGUSR1, ends on SIGTERM, and says for each line of its standard input whether the word is known.
 * Everything that was added stands between the two lines of dashes, and in main the one call of serve_http(). What
 * it had stays as it was: the workers have the loaded list without loading it again; when the server is stopped,
 * main goes on; the program's own SIGTERM handler is back; and the pid file is removed once, by the process that
 * wrote it.
 *
 *     build/legacy_host [address [word-file [pid-file]]]
 *
 * An empty word-file ("") means the built-in list. Ask with `curl -i http://localhost:8080/words/fork`, stop the
 * serving with `kill -TERM $(cat legacy_host.pid)`, type a few words, and send SIGTERM again (or end the input) to
 * end the program.
 */
#define _POSIX_C_SOURCE 200809L

#include <forker.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORD_MAX = 64 };

static char (*words)[WORD_MAX];
static size_t word_count;

static const char *pid_path = "legacy_host.pid";
static volatile sig_atomic_t usr1_count;
static volatile sig_atomic_t terminated;

static void count_usr1(int signo) {
    (void)signo;
    usr1_count++;
}

/* Closing the input as well makes the signal count even if it comes just before the read. */
static void note_term(int signo) {
    (void)signo;
    terminated = 1;
    close(STDIN_FILENO);
}

/* No SA_RESTART: SIGTERM has to interrupt the read of standard input. SIGUSR1 must not. */
static void install_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = note_term;
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = count_usr1;
    action.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &action, NULL);
}

static void remove_pid_file(void) {
    printf("pid %ld removes %s\n", (long)getpid(), pid_path);
    unlink(pid_path);
}

static int write_pid_file(void) {
    FILE *file = fopen(pid_path, "w");
    if (file == NULL) {
        fprintf(stderr, "legacy_host: %s: %s\n", pid_path, strerror(errno));
        return -1;
    }
    fprintf(file, "%ld\n", (long)getpid());
    if (fclose(file) != 0 || atexit(remove_pid_file) != 0)
        return -1;
    return 0;
}

static int compare_words(const void *a, const void *b) { return strcmp(a, b); }

static int add_word(const char *word) {
    void *grown = realloc(words, (word_count + 1) * sizeof words[0]);
    if (grown == NULL)
        return -1;
    words = grown;
    snprintf(words[word_count++], WORD_MAX, "%s", word);
    return 0;
}

/* Loads the built-in list if path is empty. */
static int load_words(const char *path) {
    static const char *const built_in[] = {"fork", "listen", "process", "reap", "signal", "socket", "spawn", "worker"};
    char line[WORD_MAX];
    int err = 0;
    if (path[0] == '\0') {
        for (size_t i = 0; i < sizeof built_in / sizeof built_in[0] && err == 0; i++)
            err = add_word(built_in[i]);
    } else {
        FILE *file = fopen(path, "r");
        if (file == NULL) {
            fprintf(stderr, "legacy_host: %s: %s\n", path, strerror(errno));
            return -1;
        }
        while (err == 0 && fgets(line, sizeof line, file) != NULL) {
            line[strcspn(line, "\r\n")] = '\0';
            if (line[0] != '\0')
                err = add_word(line);
        }
        fclose(file);
    }
    if (err == 0 && word_count > 0)
        qsort(words, word_count, sizeof words[0], compare_words);
    return err;
}

static int is_known(const char *word) {
    return word_count > 0 && bsearch(word, words, word_count, sizeof words[0], compare_words) != NULL;
}

static void check_input(void) {
    char line[WORD_MAX];
    while (!terminated && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        printf("%s: %s\n", line, is_known(line) ? "known" : "unknown");
    }
}

/* ---------------------------------------------------------------------------------------- added: responses by HTTP */

static int get_word(forker_request *req, void *user) {
    (void)user;
    if (!is_known(forker_request_param(req, "word", NULL)))
        return forker_respond_error(req, 404, "unknown word");
    return forker_respond(req, 200, "text/plain", "known\n", 6);
}

/* Returns when the server is stopped. The children that it forks on the way never come back from it. */
static int serve_http(const char *address) {
    forker_server *srv = forker_server_new();
    forker_server_handle(srv, "GET", "/words/:word", get_word, NULL);
    forker_server_listen(srv, address);
    int result = forker_server_run(srv);
    if (result != FORKER_OK)
        fprintf(stderr, "legacy_host: %s\n", forker_server_error(srv));
    forker_server_free(srv);
    return result;
}

/* ---------------------------------------------------------------------------------------------------------------- */

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 3)
        pid_path = argv[3];
    install_signals();
    if (load_words(argc > 2 ? argv[2] : "") != 0 || write_pid_file() != 0)
        return 1;
    printf("pid %ld has %zu words\n", (long)getpid(), word_count);

    if (serve_http(argc > 1 ? argv[1] : ":8080") != FORKER_OK)
        return 1; /* added: this one line */

    printf("pid %ld checks standard input\n", (long)getpid());
    check_input();
    printf("SIGUSR1 came %d times, SIGTERM %s\n", (int)usr1_count, terminated ? "came" : "did not come");
    free(words);
    return 0;
}
