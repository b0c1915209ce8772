/* The headers of parts of a form. */
#include "exchange/partheader.h"

#include <stdbool.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/parameter.h"
#include "exchange/query.h"

/* Takes the next line off, without its end and the blanks around it. */
static char *take_line(char **text, char *end, size_t *len_out)
{
    char *line = *text, *line_end = memchr(line, '\n', (size_t)(end - line));
    *text = line_end != NULL ? line_end + 1 : end;
    line_end = line_end != NULL ? line_end : end;
    if (line_end > line && line_end[-1] == '\r') {
        line_end--;
    }
    while (line < line_end && (*line == ' ' || *line == '\t')) {
        line++;
    }
    while (line < line_end && (line_end[-1] == ' ' || line_end[-1] == '\t')) {
        line_end--;
    }
    *len_out = (size_t)(line_end - line);
    return line;
}

/*
 * Takes a field, which goes on in lines that begin with a blank; it is put together and ends with a NUL. NULL: there is no colon in
 * its first line.
 */
static char *take_field(char **text, char *end, size_t *len_out)
{
    char *field = take_line(text, end, len_out);
    if (memchr(field, ':', *len_out) == NULL) {
        return NULL;
    }
    while (*text < end && (**text == ' ' || **text == '\t')) {
        size_t len;
        char *line = take_line(text, end, &len);
        field[(*len_out)++] = ' ';
        memmove(field + *len_out, line, len);
        *len_out += len;
    }
    field[*len_out] = '\0'; /* in the place of a line end, at the latest */
    return field;
}

/* Splits a field into name and value. false: it is none. */
static bool split_field(char *field, size_t len, char **value_out)
{
    char *colon = memchr(field, ':', len);
    if (colon == field) {
        return false;
    }
    for (const char *p = field; p < colon; p++) {
        if (!fk_ascii_is_token(*p) && *p != ' ') {
            return false;
        }
    }
    for (const char *p = colon + 1; p < field + len; p++) {
        if (fk_ascii_is_control(*p) && *p != '\t') {
            return false;
        }
    }
    *colon = '\0';
    *value_out = colon + 1 + strspn(colon + 1, " \t");
    return true;
}

/* Decodes a value with its character set, as in UTF-8''na%C3%AFve.txt (RFC 8187). false: it is none, or not UTF-8. */
static bool decode_extended(char *value)
{
    char *language = strchr(value, '\''), *text = language != NULL ? strchr(language + 1, '\'') : NULL;
    if (text == NULL || language - value != 5 || !fk_ascii_same(value, "utf-8", 5)) {
        return false;
    }
    size_t len = 0;
    for (const char *p = ++text; *p != '\0';) {
        char c = *p == '%' ? fk_query_char(&p, p + strlen(p)) : *p++;
        if (fk_ascii_is_control(c)) {
            return false;
        }
        value[len++] = c;
    }
    value[len] = '\0';
    return true;
}

/* Notes a value. false: there is another one already. */
static bool note(const char **place, const char *value)
{
    bool same = *place == NULL || strcmp(*place, value) == 0;
    *place = value;
    return same;
}

static bool read_disposition(char *text, fk_part_header *header)
{
    fk_parameter parameter;
    const char *extended = NULL;
    char *at;
    int more;
    if (!fk_ascii_equal(fk_parameter_word(text, &at), "form-data")) {
        return true;
    }
    while ((more = fk_parameter_next(&at, &parameter)) > 0) {
        bool fine = true;
        if (fk_ascii_equal(parameter.name, "name")) {
            fine = note(&header->name, parameter.value);
        } else if (fk_ascii_equal(parameter.name, "filename")) {
            fine = note(&header->filename, parameter.value);
        } else if (fk_ascii_equal(parameter.name, "filename*")) {
            fine = decode_extended(parameter.value) && note(&extended, parameter.value);
        }
        if (!fine) {
            return false;
        }
    }
    header->filename = header->filename != NULL ? header->filename : extended;
    return more == 0;
}

const char *fk_part_header_read(char *text, size_t len, fk_part_header *header_out)
{
    char *at = text, *end = text + len, *disposition = NULL;
    *header_out = (fk_part_header){0};
    if (len > 0 && (*at == ' ' || *at == '\t')) {
        return "the header of a part begins with a blank";
    }
    while (at < end) {
        size_t field_len;
        char *value, *field = take_field(&at, end, &field_len);
        if (field == NULL || !split_field(field, field_len, &value)) {
            return "a line in the header of a part is not name: value";
        }
        if (disposition == NULL && fk_ascii_equal(field, "content-disposition")) {
            disposition = value;
        } else if (header_out->content_type == NULL && fk_ascii_equal(field, "content-type")) {
            header_out->content_type = value;
        }
    }
    if (disposition != NULL && !read_disposition(disposition, header_out)) {
        return "the Content-Disposition of a part is malformed";
    }
    return NULL;
}
