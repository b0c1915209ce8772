/* Forms, whole and part by part: form <address> */
#define _GNU_SOURCE

#include "program.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* What a form has in it, in words: "a=1&", and behind that "f:name.txt:text/plain:5:<hash>&" for files. */
typedef struct {
    char fields[8192], files[8192];
    forker_deferred handle; /* 0: none */
    uint64_t hash, len, calls;
    bool paused; /* no call may come now */
    bool off;    /* something was not as it should be */
} summary;

static int live; /* summaries that are not freed, of any thread */

static summary *summary_new(void)
{
    summary *s = calloc(1, sizeof *s);
    if (s == NULL) {
        abort();
    }
    __atomic_fetch_add(&live, 1, __ATOMIC_RELAXED);
    return s;
}

static void summary_free(summary *s)
{
    __atomic_fetch_sub(&live, 1, __ATOMIC_RELAXED);
    free(s);
}

/* FNV-1a. */
static uint64_t hash_add(uint64_t hash, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3u;
    }
    return hash;
}

#define HASH_START 0xcbf29ce484222325u

static void add(char *text, const char *more, size_t len)
{
    size_t had = strlen(text), n = len < 8191 - had ? len : 8191 - had;
    memcpy(text + had, more, n);
    text[had + n] = '\0';
}

static void add_file(summary *s, const char *name, const char *filename, const char *type, uint64_t len, uint64_t hash)
{
    char line[512];
    snprintf(line, sizeof line, "%.64s:%.64s:%.64s:%llu:%016llx&", name, filename, type != NULL ? type : "none",
             (unsigned long long)len, (unsigned long long)hash);
    add(s->files, line, strlen(line));
}

/* In static memory. */
static const char *summary_text(const summary *s)
{
    static char text[16500];
    snprintf(text, sizeof text, "%s%s%s", s->off ? "OFF " : "", s->fields, s->files);
    return text;
}

static int respond_summary(forker_request *req, const summary *s)
{
    return response_text(req, summary_text(s));
}

static int refuse(forker_request *req, int code)
{
    return code == FORKER_E_STATE
               ? code
               : forker_respond_error(req, code == FORKER_E_LIMIT ? 413 : 400, forker_request_error(req));
}

/* ------------------------------------------------------------------------------------------------------------ whole */

/* Whether the file of the body has this file in it. */
static bool is_in_file(const forker_file *file)
{
    char *copy = malloc(file->len + 1);
    bool is = copy != NULL && pread(file->fd, copy, file->len, file->offset) == (ssize_t)file->len &&
              memcmp(copy, file->data, file->len) == 0;
    free(copy);
    return is;
}

static void summarize(forker_request *req, summary *s)
{
    const char *name, *value;
    size_t len;
    forker_file file = {.size = sizeof file};
    for (size_t i = 0; forker_form_at(req, i, &name, &value, &len) == FORKER_OK; i++) {
        add(s->fields, name, strlen(name));
        add(s->fields, "=", 1);
        add(s->fields, value, len);
        add(s->fields, "&", 1);
        s->off = s->off || value[len] != '\0' || forker_form_value(req, name, 0, NULL) == NULL;
    }
    for (size_t i = 0; forker_form_file(req, NULL, i, &file) == FORKER_OK; i++) {
        add_file(s, file.name, file.filename, file.content_type, file.len, hash_add(HASH_START, file.data, file.len));
        s->off = s->off || (file.fd >= 0) != (forker_request_body_fd(req) >= 0) || (file.fd >= 0 && !is_in_file(&file));
    }
}

static int whole(forker_request *req, void *user)
{
    (void)user;
    int code = forker_request_form(req);
    if (code != FORKER_OK) {
        char first[256];
        snprintf(first, sizeof first, "%s", forker_request_error(req));
        forker_request_header_at(req, 10000, NULL, NULL); /* another failure */
        if (forker_request_form(req) != code || strcmp(first, forker_request_error(req)) != 0 ||
            forker_form_value(req, "a", 0, NULL) != NULL) {
            return FORKER_E_INTERNAL;
        }
        return refuse(req, code);
    }
    summary *s = summary_new();
    summarize(req, s);
    int result = respond_summary(req, s);
    summary_free(s);
    return result;
}

/* Of the field "a" the values, of the files "f" the names, and "n" as a number. */
static int named(forker_request *req, void *user)
{
    char text[1024] = "";
    forker_file file = {.size = sizeof file}, small = {.size = 1};
    int64_t number = 0;
    (void)user;
    if (forker_arg_int(req, FORKER_FROM_FORM, "n", 1, 10, 7, &number) != FORKER_OK) {
        return forker_respond_error(req, 400, forker_request_error(req));
    }
    for (size_t i = 0; forker_form_value(req, "a", i, NULL) != NULL; i++) {
        add(text, forker_form_value(req, "a", i, NULL), strlen(forker_form_value(req, "a", i, NULL)));
        add(text, ",", 1);
    }
    for (size_t i = 0; forker_form_file(req, "f", i, &file) == FORKER_OK; i++) {
        add(text, forker_basename(file.filename), strlen(forker_basename(file.filename)));
        add(text, ";", 1);
    }
    snprintf(text + strlen(text), 32, "%d %d %d", (int)number, forker_form_file(req, "f", 0, &small),
             forker_form_file(req, "f", 0, NULL));
    return response_text(req, text);
}

static int before(forker_request *req, void *user)
{
    (void)user;
    if (forker_request_form(req) == FORKER_E_STATE) {
        forker_response_header_set(req, "X-Before", forker_request_error(req));
    }
    return FORKER_NEXT;
}

/* ----------------------------------------------------------------------------------------------------- part by part */

static void take_piece(summary *s, const forker_part *part, const char *data, size_t len, int last)
{
    s->off = s->off || part->size != sizeof *part || part->offset != s->len || s->paused;
    if (part->offset == 0 && s->len == 0 && part->filename == NULL && s->hash == 0) {
        add(s->fields, part->name, strlen(part->name));
        add(s->fields, "=", 1);
    }
    s->hash = s->hash == 0 ? HASH_START : s->hash;
    s->hash = hash_add(s->hash, data, len);
    s->len += len;
    if (part->filename == NULL) {
        add(s->fields, data, len);
        add(s->fields, "&", last != 0);
    } else if (last != 0) {
        add_file(s, part->name, part->filename, part->content_type, s->len, s->hash);
    }
    if (last != 0) {
        s->len = s->hash = 0;
    }
}

/* Tells of the last call that is none for the end of the form. */
static void tell_end(int last, const forker_request *req)
{
    char line[300];
    snprintf(line, sizeof line, "ended %d: %.200s\n", last,
             last == FORKER_E_ABORTED ? "" : forker_request_error((forker_request *)req));
    tell(line);
}

static int on_part(forker_request *req, const forker_part *part, const void *data, size_t len, int last, void *user)
{
    summary *s = user;
    if (part != NULL) {
        take_piece(s, part, data, len, last);
        return FORKER_OK;
    }
    int result = last > 0 ? respond_summary(req, s) : FORKER_OK;
    if (last < 0) {
        tell_end(last, req);
    }
    summary_free(s);
    return result;
}

static int take(forker_request *req, forker_part_fn fn)
{
    summary *s = summary_new();
    int code = forker_request_on_part(req, fn, s);
    if (code != FORKER_OK) {
        summary_free(s);
        return refuse(req, code);
    }
    return FORKER_OK;
}

static int parts(forker_request *req, void *user)
{
    (void)user;
    return take(req, on_part);
}

/* Answers malformed forms by itself. */
static int on_part_own(forker_request *req, const forker_part *part, const void *data, size_t len, int last, void *user)
{
    int result = on_part(req, part, data, len, last, user);
    return part == NULL && last < 0 && last != FORKER_E_ABORTED ? forker_respond(req, 422, NULL, "own", 3) : result;
}

static int own(forker_request *req, void *user)
{
    (void)user;
    return take(req, on_part_own);
}

/* Answers at the first piece of a part, or fails there. */
static int on_part_enough(forker_request *req, const forker_part *part, const void *data, size_t len, int last,
                          void *user)
{
    int result = on_part(req, part, data, len, last, user);
    return part != NULL ? forker_respond(req, 422, NULL, "enough", 6) : result;
}

static int on_part_fail(forker_request *req, const forker_part *part, const void *data, size_t len, int last,
                        void *user)
{
    int result = on_part(req, part, data, len, last, user);
    return part != NULL ? FORKER_E_SYSTEM : result;
}

static int enough(forker_request *req, void *user)
{
    return take(req, user == NULL ? on_part_enough : on_part_fail);
}

/* --------------------------------------------------------------------------------------------------------- paused */

static void resume(forker_server *server, void *user)
{
    summary *s = user;
    (void)server;
    s->paused = false;
    forker_deferred_resume(s->handle);
}

static void *resume_at_once(void *user)
{
    forker_deferred_resume(((summary *)user)->handle);
    return NULL;
}

/* Pauses in each call: the loop ends the pause in its next turn, or another thread before the call returns. */
static void pause_now(forker_request *req, forker_server *server, summary *s)
{
    pthread_t thread;
    s->off = s->off || forker_request_pause(req) != FORKER_OK;
    if (++s->calls % 3 == 0) {
        if (pthread_create(&thread, NULL, resume_at_once, s) == 0) {
            pthread_join(thread, NULL);
        }
        return;
    }
    s->paused = true;
    forker_server_post(server, resume, s);
}

static forker_server *the_server;

static int on_part_paused(forker_request *req, const forker_part *part, const void *data, size_t len, int last,
                          void *user)
{
    summary *s = user;
    if (part != NULL) {
        take_piece(s, part, data, len, last);
        pause_now(req, the_server, s);
        return FORKER_OK;
    }
    forker_deferred handle = s->handle;
    if (last > 0) {
        forker_deferred_respond(handle, 200, "text/plain", summary_text(s), strlen(summary_text(s)));
    } else {
        tell_end(last, req);
        forker_deferred_respond(handle, 422, NULL, "told", 4);
    }
    summary_free(s);
    return FORKER_OK;
}

static int paused(forker_request *req, void *user)
{
    summary *s = summary_new();
    (void)user;
    forker_request_defer(req, &s->handle);
    forker_request_on_part(req, on_part_paused, s);
    return FORKER_DEFERRED;
}

/* Pauses at the first piece until the client leaves. */
static int on_part_stuck(forker_request *req, const forker_part *part, const void *data, size_t len, int last,
                         void *user)
{
    summary *s = user;
    (void)data;
    (void)len;
    if (part != NULL) {
        s->off = s->off || s->paused;
        s->paused = true;
        forker_request_pause(req);
        tell(s->off ? "stuck twice\n" : "stuck\n");
        return FORKER_OK;
    }
    tell_end(last, req);
    forker_deferred_drop(s->handle);
    summary_free(s);
    return FORKER_OK;
}

static int stuck(forker_request *req, void *user)
{
    summary *s = summary_new();
    (void)user;
    forker_request_defer(req, &s->handle);
    forker_request_on_part(req, on_part_stuck, s);
    return FORKER_DEFERRED;
}

/* Waits for /release, without a look at the form. */
static forker_deferred held_now;

static int held(forker_request *req, void *user)
{
    (void)user;
    tell("held\n");
    forker_request_defer(req, &held_now);
    return FORKER_DEFERRED;
}

static int release(forker_request *req, void *user)
{
    (void)user;
    return response_text(req,
                         forker_deferred_respond(held_now, 200, NULL, "held", 4) == FORKER_OK ? "released" : "gone");
}

static int answer_live(forker_request *req, void *user)
{
    char text[32];
    (void)user;
    snprintf(text, sizeof text, "%d", __atomic_load_n(&live, __ATOMIC_RELAXED));
    return response_text(req, text);
}

static void handle(forker_server *server, const char *pattern, const char *body, forker_handler handler)
{
    forker_route *route;
    forker_server_route(server, "POST", pattern, handler, NULL, &route);
    forker_route_set(route, "body", body);
}

static void handle_limited(forker_server *server, const char *prefix)
{
    static const char *const limits[][2] = {
        {"form_parts", "2"}, {"form_field", "10"}, {"form_fields", "15"}, {"form_file", "20"}, {"form_files", "30"}};
    forker_group *group = forker_server_group(server, prefix);
    forker_route *route;
    forker_group_set(group, "form_parts", "1"); /* which the route's own goes before */
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        char pattern[32];
        snprintf(pattern, sizeof pattern, "/%s", limits[i][0]);
        forker_group_route(group, "POST", pattern, strcmp(prefix, "/whole") == 0 ? whole : parts, NULL, &route);
        forker_route_set(route, "form_parts", "128");
        forker_route_set(route, limits[i][0], limits[i][1]);
        forker_route_set(route, "body", strcmp(prefix, "/whole") == 0 ? "buffer" : "stream");
    }
    forker_group_route(group, "POST", "/group", whole, NULL, &route);
}

int main(int argc, char **argv)
{
    static int yes;
    forker_server *server = forker_server_new();
    (void)argc;
    the_server = server;
    handle(server, "/whole", "buffer", whole);
    handle(server, "/named", "buffer", named);
    handle(server, "/whole-streamed", "stream", whole);
    handle(server, "/parts", "stream", parts);
    handle(server, "/parts-whole", "buffer", parts);
    handle(server, "/own", "stream", own);
    handle(server, "/paused", "stream", paused);
    handle(server, "/paused-whole", "buffer", paused);
    handle(server, "/stuck", "stream", stuck);
    handle(server, "/stuck-whole", "buffer", stuck);
    handle(server, "/enough", "stream", enough);
    handle(server, "/held", "buffer", held);
    forker_server_handle(server, "GET", "/release", release, NULL);
    forker_route *route;
    forker_server_route(server, "POST", "/paused-pool", paused, NULL, &route);
    forker_route_set(route, "body", "stream");
    forker_route_set(route, "dispatch", "pool");
    forker_server_route(server, "POST", "/whole-pool", whole, NULL, &route);
    forker_route_set(route, "dispatch", "pool");
    forker_server_route(server, "POST", "/fail", enough, &yes, &route);
    forker_route_set(route, "body", "stream");
    handle_limited(server, "/whole");
    handle_limited(server, "/parts");
    forker_group *group = forker_server_group(server, "/before");
    forker_group_use(group, before, NULL, NULL);
    forker_group_handle(group, "POST", "/whole", whole, NULL);
    forker_server_handle(server, "GET", "/live", answer_live, NULL);
    forker_server_handle(server, "GET", "/", answer_live, NULL);
    forker_server_on_worker_init(server, tell_worker, NULL);
    forker_server_listen(server, argv[1]);
    return serve_to_end(server);
}
