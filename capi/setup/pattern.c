/*
 * Patterns of routes, such as "/users/:id/posts". What a pattern says is compared with the decoded path of a request,
 * so that some of what other libraries let one write would never match, silently: that is refused.
 */
#include "setup/pattern.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/server.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool fk_pattern_is_escaped(const char *segment)
{
    return segment[0] == '\\' && (segment[1] == ':' || segment[1] == '*');
}

/* Returns what is wrong with the segment at `segment`, up to '/' or the end, or NULL. */
static const char *segment_fault(const char *segment)
{
    size_t len = strcspn(segment, "/");
    if (segment[0] != ':' && segment[0] != '*') {
        return NULL;
    }
    for (size_t i = 1; i < len; i++) {
        if (!is_name_char(segment[i])) {
            return "a parameter's name has letters, digits, '_' and '-' only, and takes the whole segment";
        }
    }
    if (len == 1) {
        return "a parameter needs a name, as in \":id\" or \"*path\"";
    }
    if (segment[0] == '*' && segment[len] == '/') {
        return "\"*name\" can only be the last segment";
    }
    return NULL;
}

/* Whether the parameter at `segment` of a pattern has the name of one before it. */
static bool is_named_before(const char *pattern, const char *segment)
{
    size_t len = strcspn(segment, "/");
    for (const char *p = pattern; p + 1 < segment; p = strchr(p + 1, '/')) {
        if ((p[1] == ':' || p[1] == '*') && strcspn(p + 1, "/") == len && memcmp(p + 2, segment + 1, len - 1) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns what is wrong with a pattern that is one of paths, or NULL; counts its parameters. */
static const char *segments_fault(const char *pattern, uint32_t *params_out)
{
    *params_out = 0;
    for (const char *p = pattern; p != NULL; p = strchr(p + 1, '/')) {
        const char *fault = segment_fault(p + 1);
        if (fault != NULL) {
            return fault;
        }
        size_t len = strcspn(p + 1, "/");
        if ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.')) {
            return "\".\" and \"..\" never occur in a request's path";
        }
        if (p[1] != ':' && p[1] != '*') {
            continue;
        }
        if (is_named_before(pattern, p + 1)) {
            return "two parameters have the same name";
        }
        ++*params_out;
    }
    if (*params_out > FK_PARAMS_MAX) {
        return "a pattern has at most 16 parameters";
    }
    return NULL;
}

static bool is_hex(char c)
{
    return fk_ascii_is_digit(c) || (fk_ascii_lower(c) >= 'a' && fk_ascii_lower(c) <= 'f');
}

/* Returns why a pattern is none of paths, or NULL. */
static const char *path_fault(const char *pattern)
{
    if (pattern[0] != '/') {
        return "a pattern starts with \"/\"";
    }
    if (strlen(pattern) > FK_PATTERN_MAX) {
        return "a pattern has at most 1024 bytes";
    }
    if (strpbrk(pattern, "?#") != NULL) {
        return "a pattern is one of paths, which end at \"?\" and \"#\": forker_request_query_param() reads a query";
    }
    for (const char *p = strchr(pattern, '%'); p != NULL; p = strchr(p + 1, '%')) {
        if (is_hex(p[1]) && is_hex(p[2])) {
            return "paths are decoded before they are compared: write the character, not its %-escape";
        }
    }
    return NULL;
}

/* The end of the brackets that open at `open`, or NULL. */
static const char *bracket_end(const char *open)
{
    return memchr(open, *open == '{' ? '}' : '>', strcspn(open, "/"));
}

/* Finds a parameter as other libraries write it: "{id}", "{id:int}", "<int:id>". NULL: there is none. */
static const char *find_bracket(const char *segment, size_t len)
{
    for (size_t i = strcspn(segment, "{<"); i < len; i += 1 + strcspn(segment + i + 1, "{<")) {
        if (bracket_end(segment + i) != NULL) {
            return segment + i;
        }
    }
    return NULL;
}

/* Whether such a parameter is the rest of the path: "{*rest}", "{rest...}", "{rest:path}", "<path:rest>". */
static bool takes_rest(const char *open)
{
    char inside[64];
    (void)snprintf(inside, sizeof inside, "%.*s", (int)(bracket_end(open) - open - 1), open + 1);
    return inside[0] == '*' || strstr(inside, "...") != NULL || strstr(inside, ":path") != NULL ||
           strncmp(inside, "path:", strlen("path:")) == 0;
}

/* Its name and how long that is; 0 if it has none. */
static size_t bracket_name(const char *open, const char **name_out)
{
    size_t len = 0;
    const char *colon = memchr(open, ':', (size_t)(bracket_end(open) - open));
    const char *name = *open == '<' && colon != NULL ? colon + 1 : open + 1;
    name += *name == '*';
    while (is_name_char(name[len])) {
        len++;
    }
    *name_out = name;
    return len;
}

/* Writes a pattern that has such parameters as it is written here. false: one of them has no name. */
static bool translate(const char *pattern, char *text_out)
{
    for (const char *p = pattern; p != NULL; p = strchr(p + 1, '/')) {
        size_t len = strcspn(p + 1, "/");
        const char *open = find_bracket(p + 1, len), *name = p + 1;
        *text_out++ = '/';
        if (open != NULL) {
            len = bracket_name(open, &name);
            *text_out++ = takes_rest(open) ? '*' : ':';
        }
        if (open != NULL && len == 0) {
            return false;
        }
        memcpy(text_out, name, len);
        text_out += len;
    }
    *text_out = '\0';
    return true;
}

/* Says how the parameters of a pattern are written here, if they are written as elsewhere. */
static bool bracket_fault(const char *pattern, char *fault_out, size_t size)
{
    char written[FK_PATTERN_MAX +
                 1]; /* never more than it was: two brackets and a name are more than a mark and the name */
    if (find_bracket(pattern, strlen(pattern)) == NULL) {
        return false;
    }
    bool named = translate(pattern, written);
    (void)snprintf(fault_out, size, "a parameter is a segment \":name\", or at the end \"*name\"%s%s",
                   named ? ": write " : "", named ? written : "");
    return true;
}

bool fk_pattern_check(const char *pattern, uint32_t *params_out, char *fault_out, size_t size)
{
    const char *fault = path_fault(pattern);
    if (fault == NULL && bracket_fault(pattern, fault_out, size)) {
        return false;
    }
    if (fault == NULL) {
        fault = segments_fault(pattern, params_out);
    }
    if (fault != NULL) {
        (void)snprintf(fault_out, size, "%s", fault);
    }
    return fault == NULL;
}
