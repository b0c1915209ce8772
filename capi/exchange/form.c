/*
 * Forms whose body is there as a whole. They are parsed once, when they are asked for. Files stay where they are in the body; fields
 * are copied, with a NUL behind each. All that is made for a form is memory of its request.
 */
#include <string.h>

#include "exchange/block.h"
#include "exchange/failure.h"
#include "exchange/formrule.h"
#include "exchange/query.h"

enum { PAIRS_MAX = 1000, ITEMS_LEAST = 16 };

/* A field, or a file. */
typedef struct {
    const char *name, *filename, *content_type; /* NULL: there is none */
    const char *data;
    size_t len;
} item;

typedef struct {
    item *items;
    size_t count, cap;
} list;

struct fk_form {
    int code;
    const char *sentence; /* if that is a failure */
    list values, files;
    item part; /* multipart: the present one */
    fk_form_meter meter;
    fk_multipart parser;
};

static int no_memory(forker_request *req)
{
    return fk_fail(&req->failure, FORKER_E_MEMORY, "form: out of memory");
}

/* Makes room for one item more. false: no memory. */
static bool grow(forker_request *req, list *items)
{
    if (items->count < items->cap) {
        return true;
    }
    size_t cap = items->cap > 0 ? items->cap * 2 : ITEMS_LEAST;
    item *room = (item *)(void *)fk_text_new(req, cap * sizeof *room);
    if (room == NULL) {
        return false;
    }
    if (items->count > 0) {
        memcpy(room, items->items, items->count * sizeof *room);
    }
    items->items = room;
    items->cap = cap;
    return true;
}

static const char *copy(forker_request *req, const char *data, size_t len)
{
    char *text = fk_text_new(req, len + 1);
    if (text != NULL) {
        memcpy(text, data, len);
        text[len] = '\0';
    }
    return text;
}

static int add(forker_request *req, list *items, item added)
{
    if (!grow(req, items)) {
        return no_memory(req);
    }
    items->items[items->count++] = added;
    return FORKER_OK;
}

/* ----------------------------------------------------------------------------------------------------- urlencoded */

static int add_pair(forker_request *req, struct fk_form *form, const fk_pair *pair)
{
    size_t name_len = fk_query_decode(NULL, pair->name, pair->name_end),
           len = fk_query_decode(NULL, pair->value, pair->end);
    item added = {.name = "", .len = len};
    if (form->values.count == PAIRS_MAX) {
        return fk_fail(&req->failure, FORKER_E_LIMIT, "form: it has more than %d fields", PAIRS_MAX);
    }
    form->meter.part = 0;
    form->meter.name = "a field";
    int code = fk_form_bytes(&form->meter, name_len);
    form->meter.part = 0;
    code = code == FORKER_OK ? fk_form_bytes(&form->meter, len) : code;
    if (code != FORKER_OK) {
        return code;
    }
    added.name = fk_query_text(req, pair->name, pair->name_end, NULL);
    added.data = fk_query_text(req, pair->value, pair->end, NULL);
    return added.name != NULL && added.data != NULL ? add(req, &form->values, added) : no_memory(req);
}

static int read_pairs(forker_request *req, struct fk_form *form)
{
    fk_pair pair;
    int code = FORKER_OK;
    fk_query at = {req->body, req->body + req->body_len};
    while (code == FORKER_OK && fk_query_next(&at, &pair)) {
        code = add_pair(req, form, &pair);
    }
    return code;
}

/* ------------------------------------------------------------------------------------------------------ multipart */

static bool part_head(void *user, char *text, size_t len)
{
    struct fk_form *form = user;
    forker_request *req = form->meter.req;
    fk_part_header header;
    form->code = fk_form_part(&form->meter, text, len, &header);
    if (form->code != FORKER_OK) {
        return false;
    }
    const char *name = copy(req, header.name, strlen(header.name));
    const char *filename = header.filename != NULL ? copy(req, header.filename, strlen(header.filename)) : NULL;
    const char *type = header.content_type != NULL ? copy(req, header.content_type, strlen(header.content_type)) : NULL;
    if (name == NULL || (header.filename != NULL && filename == NULL) ||
        (header.content_type != NULL && type == NULL)) {
        form->code = no_memory(req);
    }
    form->part = (item){name, filename, type, req->body + form->parser.begins, 0};
    return form->code == FORKER_OK;
}

static bool part_data(void *user, const char *data, size_t len)
{
    struct fk_form *form = user;
    (void)data; /* it may be the parser's own; in the body it is one piece */
    form->part.len += len;
    form->code = fk_form_bytes(&form->meter, len);
    return form->code == FORKER_OK;
}

static bool part_end(void *user)
{
    struct fk_form *form = user;
    forker_request *req = form->meter.req;
    item *part = &form->part;
    if (part->filename == NULL) {
        part->data = copy(req, part->data, part->len);
    }
    form->code =
        part->data != NULL ? add(req, part->filename == NULL ? &form->values : &form->files, *part) : no_memory(req);
    return form->code == FORKER_OK;
}

static int read_parts(forker_request *req, struct fk_form *form, const char *boundary)
{
    fk_multipart_calls calls = {part_head, part_data, part_end, form};
    fk_multipart_begin(&form->parser, boundary, strlen(boundary), &calls);
    (void)fk_multipart_feed(&form->parser, req->body, req->body_len);
    if (form->code != FORKER_OK) {
        return form->code;
    }
    return fk_multipart_finish(&form->parser) ? FORKER_OK : fk_form_fault(req, &form->parser);
}

/* ---------------------------------------------------------------------------------------------------------- whole */

/*
 * Whether the request has a body that is not there: in a function before the handler, about a response, or with body=stream. Where a
 * function is called about a response, it may have come and be empty, which nobody knows any more, and no route may have been found.
 */
static bool is_away(const forker_request *req)
{
    if (req->inside == FK_INSIDE_GATE) {
        return true; /* there may be none either, which is found out later */
    }
    if (req->body_len > 0 || req->head.content_length == 0 ||
        (req->head.content_length < 0 && !req->head.chunked && req->head.version != 20)) {
        return false;
    }
    if (req->inside == FK_INSIDE_LATE) {
        return true;
    }
    const fk_route *route = &req->server->routing.routes[req->route];
    const forker_group *group = route->group != NULL ? route->group : req->server->routing.root;
    bool before = req->passed.len > 0 && req->step <= group->chain_count;
    return before || route->streamed;
}

static int read_form(forker_request *req, struct fk_form *form)
{
    const char *boundary;
    int code = fk_form_type(req, &boundary);
    if (code != FORKER_OK) {
        return code;
    }
    return boundary != NULL ? read_parts(req, form, boundary) : read_pairs(req, form);
}

int forker_request_form(forker_request *req)
{
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (req->form != NULL) {
        return req->form->code == FORKER_OK ? FORKER_OK
                                            : fk_fail(&req->failure, req->form->code, "%s", req->form->sentence);
    }
    if (is_away(req)) {
        return fk_fail(&req->failure, FORKER_E_STATE, "form: the body is not there; see forker_request_on_part()");
    }
    struct fk_form *form = (struct fk_form *)(void *)fk_text_new(req, sizeof *form);
    if (form == NULL) {
        return no_memory(req);
    }
    memset(form, 0, offsetof(struct fk_form, parser));
    form->meter.req = req;
    form->code = read_form(req, form);
    if (form->code != FORKER_OK) {
        const char *sentence = fk_failure_text(&req->failure);
        form->sentence = copy(req, sentence, strlen(sentence));
        form->sentence = form->sentence != NULL ? form->sentence : "form: out of memory";
    }
    req->form = form;
    return form->code;
}

static bool is_asked(const item *found, const char *name)
{
    return name == NULL || strcmp(found->name, name) == 0;
}

/* Item number `index` of those with that name; NULL: there is none. */
static const item *find(const list *items, const char *name, size_t index)
{
    for (size_t i = 0; i < items->count; i++) {
        if (is_asked(&items->items[i], name) && index-- == 0) {
            return &items->items[i];
        }
    }
    return NULL;
}

const char *forker_form_value(forker_request *req, const char *name, size_t index, size_t *len_out)
{
    const item *found = NULL;
    if (name != NULL && forker_request_form(req) == FORKER_OK) {
        found = find(&req->form->values, name, index);
    }
    if (len_out != NULL) {
        *len_out = found != NULL ? found->len : 0;
    }
    return found != NULL ? found->data : NULL;
}

const char *fk_form_only(forker_request *req, const char *name, size_t *len_out)
{
    const char *value = forker_form_value(req, name, 0, len_out);
    return value != NULL && forker_form_value(req, name, 1, NULL) == NULL ? value : NULL;
}

int forker_form_at(forker_request *req, size_t index, const char **name_out, const char **value_out, size_t *len_out)
{
    const char *unwanted;
    size_t unwanted_len;
    int code = forker_request_form(req);
    if (code != FORKER_OK) {
        return code;
    }
    const list *values = &req->form->values;
    if (index >= values->count) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "form_at %zu: there are %zu fields", index, values->count);
    }
    const item *value = &values->items[index];
    *(name_out != NULL ? name_out : &unwanted) = value->name;
    *(value_out != NULL ? value_out : &unwanted) = value->data;
    *(len_out != NULL ? len_out : &unwanted_len) = value->len;
    return FORKER_OK;
}

int forker_form_file(forker_request *req, const char *name, size_t index, forker_file *file_out)
{
    int code = forker_request_form(req);
    if (code != FORKER_OK) {
        return code;
    }
    if (file_out == NULL || file_out->size != sizeof *file_out) {
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "form_file: file_out is NULL, or its size is not sizeof(forker_file)");
    }
    const item *found = find(&req->form->files, name, index);
    if (found == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "form_file %.64s: there is no file number %zu",
                       name != NULL ? name : "", index);
    }
    *file_out = (forker_file){.size = sizeof *file_out,
                              .fd = req->body_fd,
                              .name = found->name,
                              .filename = found->filename,
                              .content_type = found->content_type,
                              .data = found->data,
                              .len = found->len,
                              .offset = (int64_t)(found->data - req->body)};
    return FORKER_OK;
}

const char *forker_basename(const char *filename)
{
    if (filename == NULL) {
        return NULL;
    }
    const char *base = filename;
    for (const char *p = filename; *p != '\0'; p++) {
        if (*p == '/' || *p == '\\') {
            base = p + 1;
        }
    }
    return strcmp(base, ".") == 0 || strcmp(base, "..") == 0 ? base + strlen(base) : base;
}
