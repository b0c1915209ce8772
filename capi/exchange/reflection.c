/*
 * Reflection of gRPC, versions v1 and v1alpha, which differ by name alone: questions and answers of one call, in turn. An answer that
 * the client has no room for yet has its question wait, and the client with it.
 */
#include "exchange/reflection.h"

#include <stdlib.h>
#include <string.h>

#include "exchange/descriptors.h"
#include "exchange/exchange.h"
#include "setup/grpc.h"

enum { QUESTION_MOST = 64 << 10, INVALID_ARGUMENT = 3, NOT_FOUND = 5, RESOURCE_EXHAUSTED = 8 };

/* The fields of ServerReflectionRequest, */
enum { HOST = 1, BY_NAME = 3, BY_SYMBOL = 4, BY_EXTENSION = 5, EXTENSIONS_OF = 6, LIST = 7 };

/* and of ServerReflectionResponse. */
enum { VALID_HOST = 1, QUESTION = 2, FILES = 4, NUMBERS = 5, SERVICES = 6, ERROR = 7 };

typedef struct {
    const char *data;
    size_t len;
} text;

/* A call of ServerReflectionInfo. */
typedef struct {
    forker_server *server;
    forker_deferred handle;
    text waiting; /* the question whose answer has to wait; data NULL: none */
} talk;

typedef struct {
    text host, asked;
    uint64_t kind; /* 0: nothing that is known is asked for */
} question;

/* false: the message is malformed. */
static bool read_question(text message, question *question_out)
{
    fk_proto_reader reader = fk_proto_read(message.data, message.len);
    fk_proto_field field;
    int found;
    *question_out = (question){{"", 0}, {"", 0}, 0};
    while ((found = fk_proto_next(&reader, &field)) > 0) {
        if (fk_proto_has_bytes(&field, HOST)) {
            question_out->host = (text){field.data, field.len};
        } else if (field.type == FK_PROTO_BYTES && field.number >= BY_NAME && field.number <= LIST) {
            question_out->kind = field.number;
            question_out->asked = (text){field.data, field.len};
        }
    }
    return found == 0;
}

/* ------------------------------------------------------------------------------------------------------------ answers */

static bool put_error(fk_block *out, const char *message)
{
    size_t len = strlen(message);
    return fk_proto_put_head(out, ERROR, 2 + fk_proto_size(2, len)) && fk_proto_put_number(out, 1, NOT_FOUND) &&
           fk_proto_put_bytes(out, 2, message, len);
}

/* Puts a file, and behind it all that it needs, each once. */
static bool put_files(const fk_descriptors *all, fk_block *out, uint32_t first)
{
    uint32_t count = fk_descriptors_files(all), known = 1;
    uint32_t *order = calloc(count, sizeof *order);
    bool *seen = calloc(count, sizeof *seen);
    fk_block files = {0};
    bool done = order != NULL && seen != NULL;
    if (done) {
        order[0] = first;
        seen[first] = true;
    }
    for (uint32_t i = 0; done && i < known; i++) {
        const fk_described *file = fk_descriptors_file(all, order[i]);
        const uint32_t *imports = (const uint32_t *)(const void *)all->imports.data + file->first_import;
        done = fk_proto_put_bytes(&files, 1, file->data, file->len);
        for (uint32_t k = 0; k < file->imports; k++) {
            if (!seen[imports[k]]) {
                seen[imports[k]] = true;
                order[known++] = imports[k];
            }
        }
    }
    done = done && fk_proto_put_bytes(out, FILES, files.data, (size_t)files.len);
    fk_block_free(&files);
    free(order);
    free(seen);
    return done;
}

static bool put_found(const fk_descriptors *all, fk_block *out, int64_t file, const char *fault)
{
    return file < 0 ? put_error(out, fault) : put_files(all, out, (uint32_t)file);
}

static bool put_by_extension(const fk_descriptors *all, fk_block *out, text asked)
{
    fk_proto_reader reader = fk_proto_read(asked.data, asked.len);
    fk_proto_field field;
    text type = {"", 0};
    uint64_t number = 0;
    while (fk_proto_next(&reader, &field) > 0) {
        if (fk_proto_has_bytes(&field, 1)) {
            type = (text){field.data, field.len};
        } else if (field.number == 2 && field.type == FK_PROTO_VARINT) {
            number = field.value;
        }
    }
    return put_found(all, out, fk_descriptors_find_extension(all, type.data, type.len, number), "unknown extension");
}

static bool put_numbers(const fk_descriptors *all, fk_block *out, text type)
{
    size_t count;
    const fk_symbol *extensions = fk_descriptors_extensions(all, type.data, type.len, &count);
    if (count == 0 && fk_descriptors_find_symbol(all, type.data, type.len) < 0) {
        return put_error(out, "unknown type");
    }
    fk_block numbers = {0};
    bool done = fk_proto_put_bytes(&numbers, 1, type.data, type.len);
    for (size_t i = 0; done && i < count; i++) {
        done = fk_proto_put_number(&numbers, 2, extensions[i].number);
    }
    done = done && fk_proto_put_bytes(out, NUMBERS, numbers.data, (size_t)numbers.len);
    fk_block_free(&numbers);
    return done;
}

/* Puts the services that have methods here, whether they are described or not. */
static bool put_services(const forker_server *server, fk_block *out)
{
    fk_block services = {0};
    bool done = true;
    for (uint32_t i = 0; done && i < server->routing.route_count; i++) {
        const fk_route *route = &server->routing.routes[i];
        if (route->begins_service) {
            const char *name = route->pattern + 1;
            size_t len = (size_t)(strchr(name, '/') - name);
            done =
                fk_proto_put_head(&services, 1, fk_proto_size(1, len)) && fk_proto_put_bytes(&services, 1, name, len);
        }
    }
    done = done && fk_proto_put_bytes(out, SERVICES, services.data, (size_t)services.len);
    fk_block_free(&services);
    return done;
}

static bool put_answer(const forker_server *server, fk_block *out, const question *q)
{
    const fk_descriptors *all = server->grpc.descriptors;
    text asked = q->asked;
    switch (q->kind) {
    case BY_NAME:
        return put_found(all, out, fk_descriptors_find_file(all, asked.data, asked.len), "unknown file");
    case BY_SYMBOL:
        return put_found(all, out, fk_descriptors_find_symbol(all, asked.data, asked.len), "unknown symbol");
    case BY_EXTENSION:
        return put_by_extension(all, out, asked);
    case EXTENSIONS_OF:
        return put_numbers(all, out, asked);
    default:
        return put_services(server, out);
    }
}

/* -------------------------------------------------------------------------------------------------------------- calls */

/* Answers a question. Returns what forker_grpc_send() does; the call is over if that is neither FORKER_OK nor FORKER_E_AGAIN. */
static int answer(talk *t, text message)
{
    question q;
    fk_block out = {0};
    if (message.len > QUESTION_MOST || !read_question(message, &q) || q.kind == 0) {
        (void)forker_grpc_finish(t->handle, INVALID_ARGUMENT, "the message is no ServerReflectionRequest");
        return FORKER_E_INVALID;
    }
    bool done = fk_proto_put_bytes(&out, VALID_HOST, q.host.data, q.host.len) &&
                fk_proto_put_bytes(&out, QUESTION, message.data, message.len) && put_answer(t->server, &out, &q);
    int code = done ? forker_grpc_send(t->handle, out.data, (size_t)out.len) : FORKER_E_MEMORY;
    fk_block_free(&out);
    if (code == FORKER_E_MEMORY) {
        (void)forker_grpc_finish(t->handle, RESOURCE_EXHAUSTED, "no memory for the answer");
    }
    return code;
}

/* Keeps a question whose answer has to wait, and the client with it. */
static void keep(forker_request *req, talk *t, text message)
{
    char *copy = malloc(message.len);
    if (copy == NULL) {
        (void)forker_grpc_finish(t->handle, RESOURCE_EXHAUSTED, "no memory for the question");
        return;
    }
    memcpy(copy, message.data, message.len);
    t->waiting = (text){copy, message.len};
    (void)forker_request_pause(req);
}

static int on_message(forker_request *req, const void *data, size_t len, int last, void *user)
{
    talk *t = user;
    if (last > 0) {
        (void)forker_grpc_finish(t->handle, 0, NULL);
    } else if (last == 0 && answer(t, (text){data, len}) == FORKER_E_AGAIN) {
        keep(req, t, (text){data, len});
    }
    return FORKER_OK;
}

static void drop_waiting(talk *t)
{
    free((char *)t->waiting.data);
    t->waiting = (text){NULL, 0};
}

static void on_drain(forker_deferred handle, void *user)
{
    talk *t = user;
    if (t->waiting.data != NULL && answer(t, t->waiting) != FORKER_E_AGAIN) {
        drop_waiting(t);
        (void)forker_deferred_resume(handle);
    }
}

static void on_close(forker_deferred handle, int reason, void *user)
{
    talk *t = user;
    (void)reason;
    (void)forker_deferred_drop(handle); /* if it is not used up */
    drop_waiting(t);
    free(t);
}

static int begin(forker_request *req, void *user)
{
    talk *t = calloc(1, sizeof *t);
    (void)user;
    if (t == NULL) {
        return FORKER_E_MEMORY;
    }
    t->server = req->server;
    int code = forker_request_defer(req, &t->handle);
    if (code != FORKER_OK) {
        free(t);
        return code;
    }
    /* None of them can fail: the request does not end while the loop is in this handler. */
    (void)forker_deferred_on_close(t->handle, on_close, t);
    (void)forker_stream_on_drain(t->handle, on_drain, t);
    (void)forker_grpc_on_message(req, on_message, t);
    return FORKER_DEFERRED;
}

int fk_reflection_enter_methods(forker_server *server)
{
    static const fk_own_method methods[] = {
        {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", FORKER_GRPC_BIDI, begin},
        {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", FORKER_GRPC_BIDI, begin},
    };
    return fk_grpc_add_own(server, methods, sizeof methods / sizeof *methods);
}
