/* What options about served directories are written like: names of files, Cache-Control by pattern, media types. */
#include "setup/statictext.h"

#include <stddef.h>
#include <string.h>

static const char token[] = "!#$%&'*+-.^_`|~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool fk_file_name_is(const char *text)
{
    for (;;) {
        size_t len = strcspn(text, "/");
        if (len == 0 || text[0] == '.' || memchr(text, '\\', len) != NULL) {
            return false;
        }
        if (text[len] == '\0') {
            return true;
        }
        text += len + 1;
    }
}

/* A pair of a list: what stands before "=", and behind it, without blanks around them. */
typedef struct {
    const char *name, *value;
    size_t name_len, value_len;
} pair;

static size_t without_blanks(const char **text, size_t len)
{
    while (len > 0 && (*text)[0] == ' ') {
        (*text)++;
        len--;
    }
    while (len > 0 && (*text)[len - 1] == ' ') {
        len--;
    }
    return len;
}

/* Whether a list consists of pairs that are as `is` says. Its end may be a separator. */
static bool are_pairs(const char *text, char separator, bool (*is)(const pair *))
{
    for (;;) {
        const char *end = strchrnul(text, separator);
        const char *equals = memchr(text, '=', (size_t)(end - text));
        if (equals == NULL) {
            return *end == '\0' && text[strspn(text, " ")] == '\0';
        }
        pair one = {.name = text, .value = equals + 1};
        one.name_len = without_blanks(&one.name, (size_t)(equals - text));
        one.value_len = without_blanks(&one.value, (size_t)(end - one.value));
        if (one.name_len == 0 || one.value_len == 0 || !is(&one)) {
            return false;
        }
        if (*end == '\0') {
            return true;
        }
        text = end + 1;
    }
}

static bool is_rule(const pair *rule)
{
    return memchr(rule->name, ' ', rule->name_len) == NULL;
}

bool fk_cache_rules_are(const char *text)
{
    return are_pairs(text, ';', is_rule);
}

/* "type/subtype", perhaps with parameters behind ";" */
static bool is_type(const pair *type)
{
    const char *value = type->value;
    size_t first = strspn(value, token);
    size_t second = first > 0 && value[first] == '/' ? strspn(value + first + 1, token) : 0;
    size_t end = first + 1 + second;
    return strspn(type->name, token) >= type->name_len && type->name[0] != '.' && second > 0 &&
           (end == type->value_len || (end < type->value_len && value[end] == ';'));
}

bool fk_media_types_are(const char *text)
{
    return are_pairs(text, ',', is_type);
}
