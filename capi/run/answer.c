/*
 * Answers to the requests of forker_server_test(). The library has written them, so that whatever is not as it has to be ends the
 * reading: nothing is guessed.
 */
#include "run/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

enum { OUT_OF_MEMORY = -1, WAITS = 0, READ = 1 }; /* what the functions return that read on */

forker_answer *fk_answer_new(bool is_head)
{
    forker_answer *answer = calloc(1, sizeof *answer);
    if (answer != NULL) {
        answer->bodiless = is_head;
    }
    return answer;
}

static int fail(forker_answer *answer)
{
    answer->state = FK_ANSWER_BROKEN;
    return WAITS;
}

static int go_on(forker_answer *answer, fk_answer_state state)
{
    answer->state = state;
    return READ;
}

/* The next line, without its end. false: it has not come. */
static bool next_line(forker_answer *answer, const char **line_out, size_t *len_out)
{
    const char *line = answer->text.data + answer->read;
    size_t there = (size_t)answer->text.len - answer->read;
    const char *end = there > 0 ? memchr(line, '\n', there) : NULL;
    if (end == NULL) {
        return false;
    }
    size_t len = (size_t)(end - line);
    answer->read += len + 1;
    *line_out = line;
    *len_out = len > 0 && line[len - 1] == '\r' ? len - 1 : len;
    return true;
}

static bool add_field(forker_answer *answer, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    size_t name = (size_t)(colon - line), value = name + 1 + strspn(colon + 1, " \t");
    char *text = malloc(len + 2);
    if (text == NULL) {
        return false;
    }
    fk_answer_field field = {text, text + name + 1, answer->state == FK_ANSWER_TRAILERS};
    value = value < len ? value : len;
    memcpy(text, line, name);
    text[name] = '\0';
    memcpy(field.value, line + value, len - value);
    field.value[len - value] = '\0';
    if (!fk_block_append(&answer->fields, &field, sizeof field)) {
        free(text);
        return false;
    }
    return true;
}

static const fk_answer_field *field_at(const forker_answer *answer, size_t index)
{
    return index < answer->fields.len / sizeof(fk_answer_field)
               ? &((const fk_answer_field *)(const void *)answer->fields.data)[index]
               : NULL;
}

static const char *find(const forker_answer *answer, const char *name, size_t index, bool trails)
{
    const fk_answer_field *field;
    for (size_t i = 0; answer != NULL && name != NULL && (field = field_at(answer, i)) != NULL; i++) {
        if (field->trails == trails && fk_ascii_equal(field->name, name) && index-- == 0) {
            return field->value;
        }
    }
    return NULL;
}

static void drop_fields(forker_answer *answer)
{
    const fk_answer_field *field;
    for (size_t i = 0; (field = field_at(answer, i)) != NULL; i++) {
        free(field->name);
    }
    answer->fields.len = 0;
}

/* How the body comes, as the head says (RFC 9112 section 6.3). */
static int begin_body(forker_answer *answer)
{
    const char *length = find(answer, "Content-Length", 0, false);
    const char *coding = find(answer, "Transfer-Encoding", 0, false);
    bool interim = answer->status >= 100 && answer->status < 200 && answer->status != 101;
    if (interim) {
        drop_fields(answer);
        answer->status = 0;
        return go_on(answer, FK_ANSWER_HEAD);
    }
    if (answer->bodiless || answer->status == 204 || answer->status == 304) {
        return go_on(answer, FK_ANSWER_WHOLE);
    }
    if (coding != NULL && answer->status != 101) {
        return fk_ascii_equal(coding, "chunked") ? go_on(answer, FK_ANSWER_CHUNK) : fail(answer);
    }
    if (length == NULL || answer->status == 101) {
        return go_on(answer, FK_ANSWER_REST);
    }
    return fk_ascii_number(length, INT64_MAX, &answer->left) ? go_on(answer, FK_ANSWER_BODY) : fail(answer);
}

/* A line of the head, or of the trailer section. */
static int read_line(forker_answer *answer)
{
    const char *line;
    size_t len;
    if (!next_line(answer, &line, &len)) {
        return WAITS;
    }
    if (answer->state == FK_ANSWER_HEAD && answer->status == 0) { /* "HTTP/1.1 200 OK" */
        bool is = len >= 12 && memcmp(line, "HTTP/1.", 7) == 0 && line[8] == ' ';
        int status = is ? atoi(line + 9) : 0;
        answer->status = status >= 100 && status <= 999 ? status : 0;
        return answer->status != 0 ? READ : fail(answer);
    }
    if (len == 0) {
        return answer->state == FK_ANSWER_HEAD ? begin_body(answer) : go_on(answer, FK_ANSWER_WHOLE);
    }
    if (memchr(line, ':', len) == NULL) {
        return fail(answer);
    }
    return add_field(answer, line, len) ? READ : OUT_OF_MEMORY;
}

/* Takes at most so much of what is there for the body. */
static int read_body(forker_answer *answer, uint64_t most)
{
    uint64_t there = answer->text.len - answer->read, len = there < most ? there : most;
    if (!fk_block_append(&answer->body, answer->text.data + answer->read, len)) {
        return OUT_OF_MEMORY;
    }
    answer->read += (size_t)len;
    answer->left -= answer->state == FK_ANSWER_REST ? 0 : len;
    return len > 0 ? READ : WAITS;
}

/* "1f\r\n", so many bytes and "\r\n"; the last one has none. */
static int read_chunk(forker_answer *answer)
{
    const char *line;
    size_t len;
    if (answer->left > 0) {
        int result = read_body(answer, answer->left);
        answer->closed = result == READ && answer->left == 0;
        return result;
    }
    if (!next_line(answer, &line, &len)) {
        return WAITS;
    }
    if (answer->closed) {
        answer->closed = false;
        return len == 0 ? READ : fail(answer);
    }
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    if (digits == 0 || digits > 15 || (digits < len && line[digits] != ';')) {
        return fail(answer);
    }
    answer->left = strtoull(line, NULL, 16);
    return answer->left > 0 ? READ : go_on(answer, FK_ANSWER_TRAILERS);
}

static int read_on(forker_answer *answer)
{
    switch (answer->state) {
    case FK_ANSWER_HEAD:
    case FK_ANSWER_TRAILERS:
        return read_line(answer);
    case FK_ANSWER_BODY:
        return answer->left == 0 ? go_on(answer, FK_ANSWER_WHOLE) : read_body(answer, answer->left);
    case FK_ANSWER_REST:
        return read_body(answer, UINT64_MAX);
    case FK_ANSWER_CHUNK:
        return read_chunk(answer);
    default:
        return WAITS;
    }
}

/* Has a NUL stand behind a block, which is not of it. */
static bool terminate(fk_block *block)
{
    if (!fk_block_reserve(block, 1)) {
        return false;
    }
    block->data[block->len] = '\0';
    return true;
}

bool fk_answer_take(forker_answer *answer, const char *data, size_t len, bool ended)
{
    int result = fk_block_append(&answer->text, data, len) && terminate(&answer->text) ? READ : OUT_OF_MEMORY;
    while (result == READ) {
        result = read_on(answer);
    }
    if (ended && answer->state == FK_ANSWER_REST) {
        answer->state = FK_ANSWER_WHOLE;
    }
    return result != OUT_OF_MEMORY && terminate(&answer->body);
}

int forker_answer_status(const forker_answer *answer)
{
    return answer != NULL ? answer->status : 0;
}

const char *forker_answer_header(const forker_answer *answer, const char *name, size_t index)
{
    return find(answer, name, index, false);
}

const char *forker_answer_trailer(const forker_answer *answer, const char *name, size_t index)
{
    return find(answer, name, index, true);
}

static const char *give(const fk_block *block, size_t *len_out)
{
    if (len_out != NULL) {
        *len_out = block != NULL ? (size_t)block->len : 0;
    }
    return block != NULL ? block->data : NULL;
}

const char *forker_answer_body(const forker_answer *answer, size_t *len_out)
{
    return give(answer != NULL ? &answer->body : NULL, len_out);
}

const char *forker_answer_text(const forker_answer *answer, size_t *len_out)
{
    return give(answer != NULL ? &answer->text : NULL, len_out);
}

void forker_answer_free(forker_answer *answer)
{
    if (answer != NULL) {
        drop_fields(answer);
        fk_block_free(&answer->fields);
        fk_block_free(&answer->text);
        fk_block_free(&answer->body);
        free(answer);
    }
}
