/* Values with parameters. They are decoded where they stand: what comes out is never longer. */
#include "exchange/parameter.h"

#include <stdbool.h>
#include <string.h>

static const char specials[] = "()<>@,;:\\\"/[]?=";

/* A character of a token of RFC 2045. */
static bool is_token(char c)
{
    return c > ' ' && c < 0x7f && strchr(specials, c) == NULL;
}

static char *skip_blanks(char *p)
{
    return p + strspn(p, " \t");
}

static char *skip_token(char *p)
{
    while (is_token(*p)) {
        p++;
    }
    return p;
}

const char *fk_parameter_word(char *text, char **at_out)
{
    char *word = skip_blanks(text), *end = word + strcspn(word, ";");
    *at_out = *end == ';' ? end + 1 : end;
    while (end > word && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }
    *end = '\0';
    return word;
}

/*
 * Decodes a quoted string behind its first quote. Returns what stands behind its last one, or NULL. A backslash stands for itself
 * unless a special character follows: some clients send names of files as "C:\dir\file".
 */
static char *unquote(char *p, char **end_out)
{
    char *out = p;
    for (; *p != '"'; p++) {
        if (*p == '\0') {
            return NULL;
        }
        if (*p == '\\' && p[1] != '\0' && strchr(specials, p[1]) != NULL) {
            p++;
        }
        *out++ = *p;
    }
    *end_out = out;
    return p + 1;
}

/* Takes a value. Returns what stands behind it, or NULL: there is none. */
static char *take_value(char *p, char **value_out, char **end_out)
{
    if (*p == '"') {
        *value_out = p + 1;
        return unquote(p + 1, end_out);
    }
    *value_out = p;
    *end_out = skip_token(p);
    return *end_out > p ? *end_out : NULL;
}

int fk_parameter_next(char **at, fk_parameter *parameter_out)
{
    char *name = skip_blanks(*at), *name_end = skip_token(name), *p = skip_blanks(name_end), *end;
    if (*name == '\0') {
        return 0;
    }
    if (name_end == name || *p != '=') {
        return -1;
    }
    p = take_value(skip_blanks(p + 1), &parameter_out->value, &end);
    if (p == NULL) {
        return -1;
    }
    p = skip_blanks(p);
    if (*p != ';' && *p != '\0') {
        return -1;
    }
    *at = *p == ';' ? p + 1 : p;
    *name_end = *end = '\0';
    parameter_out->name = name;
    return 1;
}
