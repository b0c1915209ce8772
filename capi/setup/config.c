/*
 * The file of options: lines of "name = value", "#" comments, blank lines.
 *
 * A reload reads it again. It begins from the values that the options had before the file was loaded, so that a line
 * which is gone is as if it had never been there; what the program has set since, and the environment, stay.
 */
#include "setup/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "log/log.h"
#include "setup/callback.h"
#include "setup/option.h"
#include "setup/setup.h"

enum { FILE_MOST = 64 * 1024 };

static char *skip_blanks(char *text)
{
    return text + strspn(text, " \t\r");
}

static void cut_blanks(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL) {
        text[--len] = '\0';
    }
}

/* Reads at most FILE_MOST + 1 bytes. Returns how many, or -1 with errno. */
static ssize_t read_whole(const char *path, char *text)
{
    size_t len = 0;
    ssize_t got;
    int fd = fk_descriptor_raise(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0) {
        return -1;
    }
    do {
        got = read(fd, text + len, FILE_MOST + 1 - len);
        len += got > 0 ? (size_t)got : 0;
    } while (len <= FILE_MOST && (got > 0 || (got < 0 && errno == EINTR)));
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return got < 0 ? -1 : (ssize_t)len;
}

/* Reads the file into `text`, which has FILE_MOST + 2 bytes, and puts a NUL behind. */
static int read_file(forker_server *server, const char *path, char *text)
{
    ssize_t len = read_whole(path, text);
    if (len < 0) {
        return fk_server_fail(server, FORKER_E_SYSTEM, "load %s: %s", path, strerror(errno));
    }
    if (len > FILE_MOST) {
        return fk_server_fail(server, FORKER_E_LIMIT, "load %s: more than %d bytes", path, FILE_MOST);
    }
    if (memchr(text, '\0', (size_t)len) != NULL) {
        return fk_server_fail(server, FORKER_E_OPTION, "load %s: it contains a NUL byte", path);
    }
    text[len] = '\0';
    return FORKER_OK;
}

typedef struct {
    forker_server *server;
    const char *path;
    fk_option_value *values;      /* what the file says is put here */
    int line_of[FK_OPTION_COUNT]; /* where; 0: nowhere yet */
    int line;
} reading;

/* Takes in one line. false with the sentence in server->error. */
static bool read_line(reading *r, char *text)
{
    char sentence[FK_SENTENCE_MAX / 2];
    cut_blanks(text);
    text = skip_blanks(text);
    if (*text == '\0' || *text == '#') {
        return true;
    }
    char *sign = strchr(text, '=');
    if (sign == NULL) {
        fk_server_fail(r->server, FORKER_E_OPTION, "load %s: line %d: \"%.64s\" is not name = value", r->path, r->line,
                       text);
        return false;
    }
    *sign = '\0';
    cut_blanks(text);
    int id = fk_option_resolve(text, skip_blanks(sign + 1), sentence, sizeof sentence);
    if (id < 0) {
        fk_server_fail(r->server, FORKER_E_OPTION, "load %s: line %d: %s", r->path, r->line, sentence);
        return false;
    }
    if (r->line_of[id] != 0) {
        fk_server_fail(r->server, FORKER_E_OPTION, "load %s: line %d: line %d has set %s already", r->path, r->line,
                       r->line_of[id], text);
        return false;
    }
    r->line_of[id] = r->line;
    if (!r->values[id].from_environment) {
        fk_option_assign(&r->values[id], id, skip_blanks(sign + 1));
    }
    return true;
}

static int read_lines(reading *r, char *text)
{
    for (char *line = text; line != NULL; r->line++) {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end++ = '\0';
        }
        if (!read_line(r, line)) {
            return FORKER_E_OPTION;
        }
        line = end;
    }
    return FORKER_OK;
}

/* Puts what the file says over `values`. */
static int read_config(forker_server *server, const char *path, fk_option_value *values)
{
    reading r = {.server = server, .path = path, .values = values, .line = 1};
    char *text = malloc(FILE_MOST + 2);
    if (text == NULL) {
        return fk_server_fail(server, FORKER_E_MEMORY, "load %s: out of memory", path);
    }
    int code = read_file(server, path, text);
    if (code == FORKER_OK) {
        code = read_lines(&r, text);
    }
    free(text);
    return code;
}

char *fk_config_absolute(const char *path)
{
    char *directory = path[0] == '/' ? strdup("") : getcwd(NULL, 0);
    char *whole = NULL;
    if (directory != NULL && asprintf(&whole, "%s%s%s", directory, path[0] == '/' ? "" : "/", path) < 0) {
        whole = NULL;
    }
    free(directory);
    return whole;
}

int forker_server_load(forker_server *server, const char *path)
{
    int refused = fk_setup_refuses(server);
    if (refused != FORKER_OK) {
        return refused;
    }
    if (path == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "load: path is NULL");
    }
    if (server->config.path != NULL) {
        return fk_setup_fail(server, FORKER_E_STATE, "load %s: %s is loaded already", path, server->config.path);
    }
    fk_option_value *values = malloc(sizeof server->options);
    char *whole = fk_config_absolute(path);
    if (values == NULL || whole == NULL) {
        free(values);
        free(whole);
        return fk_setup_fail(server, FORKER_E_MEMORY, "load %s: out of memory", path);
    }
    memcpy(values, server->options, sizeof server->options);
    int code = read_config(server, path, values);
    if (code != FORKER_OK) {
        free(values);
        free(whole);
        return fk_setup_fail(server, code, NULL);
    }
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        fk_option_value read = values[id];
        values[id] = server->options[id];
        server->options[id] = read;
    }
    server->config.base = values;
    server->config.path = whole;
    return FORKER_OK;
}

/* Of what the file says now, leaves what a reload cannot or may not change as it is. false: it cannot be so at all. */
static bool keep_fixed(forker_server *server, fk_option_value *values)
{
    const fk_option_value *workers = &values[FK_OPTION_WORKERS];
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        const fk_option_value *current = &server->options[id];
        bool changes = strcmp(values[id].text, current->text) != 0;
        if (current->pinned || current->from_environment) {
            values[id] = *current;
        } else if (changes && !forker_option_reloadable(forker_option_at((size_t)id))) {
            fk_log(server, FORKER_LOG_WARN, "reload: option %s stays %s: only a restart can change it",
                   forker_option_name(forker_option_at((size_t)id)), current->text);
            values[id] = *current;
        }
    }
    if (workers->number == 0) {
        fk_server_fail(server, FORKER_E_OPTION, "load %s: a reload cannot set workers to 0", server->config.path);
        return false;
    }
    return true;
}

/* Calls the hook with the new options in place, and takes them back if it fails. */
static bool change_options(forker_server *server, fk_option_value *values)
{
    bool scaled = strcmp(values[FK_OPTION_WORKERS].text, server->options[FK_OPTION_WORKERS].text) != 0;
    for (int id = 0; id < FK_OPTION_COUNT; id++) {
        fk_option_value before = server->options[id];
        server->options[id] = values[id];
        values[id] = before;
    }
    int code = server->hooks.on_reload.call != NULL ? server->hooks.on_reload.call(server, server->hooks.on_reload.user)
                                                    : FORKER_OK;
    fk_callback_check(server, "hook");
    if (code < 0) {
        memcpy(server->options, values, sizeof server->options);
        fk_server_fail(server, FORKER_E_SETUP, "the on_reload hook failed (%d)", code);
        return false;
    }
    if (scaled) {
        server->tree.shared->wanted = 0;
    }
    return true;
}

bool fk_config_reload(forker_server *server)
{
    fk_option_value *values = malloc(sizeof server->options);
    if (values == NULL) {
        fk_server_fail(server, FORKER_E_MEMORY, "out of memory");
        return false;
    }
    bool done = true;
    if (server->config.path != NULL) {
        memcpy(values, server->config.base, sizeof server->options);
        done = read_config(server, server->config.path, values) == FORKER_OK && keep_fixed(server, values);
    } else {
        memcpy(values, server->options, sizeof server->options);
    }
    done = done && change_options(server, values);
    free(values);
    return done;
}
