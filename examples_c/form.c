/*
 * A form in a browser, by which files are uploaded. Start it with `build/form` (or `build/form 127.0.0.1:9000 /some/directory`), then
 * open http://localhost:8080/, or:
 *
 *     curl -F from=me -F file=@some.iso http://localhost:8080/     has it written to some.iso in the directory
 *
 * The form is taken part by part, as it comes: no file is in memory, however large it is. The answer is what `from` was. Writes go
 * to the page cache, and hold up other requests for a moment; upload.c shows how a thread does them. End it with Ctrl-C.
 */
#define _POSIX_C_SOURCE 200809L

#include <forker.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char page[] = "<!doctype html><title>Upload</title><form method=post enctype=multipart/form-data>"
                           "<input name=from> <input type=file name=file multiple> <button>Upload</button></form>";

/* One form on its way. */
typedef struct {
    char from[64]; /* the field of that name */
    size_t len;
    char name[256];    /* of the file that is being written */
    int fd;            /* -1: none is */
    const char *fault; /* NULL: none yet */
} form;

static int show_page(forker_request *req, void *user) {
    (void)user;
    return forker_respond(req, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}

/* Nothing that leads out of the directory, is hidden, or is there already. */
static void begin_file(form *f, const char *name) {
    if (name[0] == '\0' || name[0] == '.' || strlen(name) >= sizeof f->name) {
        f->fault = "not a name for a file";
        return;
    }
    strcpy(f->name, name);
    f->fd = open(f->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (f->fd < 0)
        f->fault = "the file is there already, or cannot be made";
}

static void end_file(form *f, int complete) {
    if (f->fd >= 0 && (close(f->fd) != 0 || !complete)) {
        unlink(f->name);
        f->fault = f->fault != NULL ? f->fault : "the file cannot be written";
    }
    f->fd = -1;
}

static void take_file(form *f, const forker_part *part, const char *data, size_t len, int last) {
    if (part->filename[0] == '\0')
        return; /* a browser in which no file was chosen */
    if (part->offset == 0 && f->fd < 0)
        begin_file(f, forker_basename(part->filename));
    for (size_t at = 0; f->fd >= 0 && at < len;) {
        ssize_t n = write(f->fd, data + at, len - at);
        if (n < 0)
            end_file(f, 0);
        at += n < 0 ? 0 : (size_t)n;
    }
    if (last && f->fault == NULL)
        end_file(f, 1);
}

static int on_part(forker_request *req, const forker_part *part, const void *data, size_t len, int last, void *user) {
    form *f = user;
    int result = FORKER_OK;
    if (part != NULL && part->filename != NULL && f->fault == NULL)
        take_file(f, part, data, len, last);
    else if (part != NULL && strcmp(part->name, "from") == 0 && f->len + len < sizeof f->from) {
        memcpy(f->from + f->len, data, len);
        f->len += len;
    }
    if (part != NULL)
        return FORKER_OK;
    end_file(f, 0); /* if the client has left in the middle of one */
    if (last > 0 && f->fault != NULL)
        result = forker_respond_error(req, 400, f->fault);
    else if (last > 0) /* else the library says what is wrong with the form */
        result = forker_respond(req, 201, "text/plain; charset=utf-8", f->from, f->len);
    free(f);
    return result;
}

static int take_form(forker_request *req, void *user) {
    (void)user;
    form *f = calloc(1, sizeof *f);
    if (f == NULL)
        return FORKER_E_MEMORY;
    f->fd = -1;
    if (forker_request_on_part(req, on_part, f) != FORKER_OK) {
        free(f);
        return forker_respond_error(req, 400, forker_request_error(req));
    }
    return FORKER_OK;
}

int main(int argc, char **argv) {
    forker_server *srv = forker_server_new();
    forker_route *route;
    forker_server_handle(srv, "GET", "/", show_page, NULL);
    forker_server_route(srv, "POST", "/", take_form, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_route_set(route, "max_body", "100g");
    forker_server_listen(srv, argc > 1 ? argv[1] : ":8080");
    int result = argc > 2 && chdir(argv[2]) != 0 ? FORKER_E_SYSTEM : forker_server_run(srv);
    if (result != FORKER_OK)
        fprintf(stderr, "form: %s\n", forker_server_error(srv));
    forker_server_free(srv);
    return result == FORKER_OK ? 0 : 1;
}
