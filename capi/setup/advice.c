/*
 * Values and addresses as people write them for other programs, and how they are written here. They are not taken as
 * they are: "10MB" is ten million bytes to some, and one spelling for one thing is easier to search for. What is
 * advised for an option is a value of it: it goes through the option's own parser first.
 */
#include "setup/advice.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/server.h"
#include "setup/logtext.h"
#include "setup/option.h"

/* A spelling, in small letters, and ours. */
typedef struct {
    const char *theirs, *ours;
} spelling;

static const spelling size_units[] = {{"b", ""},    {"byte", ""}, {"bytes", ""}, {"kb", "k"},
                                      {"kib", "k"}, {"mb", "m"},  {"mib", "m"},  {"gb", "g"},
                                      {"gib", "g"}, {"tb", "t"},  {"tib", "t"},  {NULL, NULL}};
static const spelling duration_units[] = {
    {"", "s"},        {"sec", "s"},   {"secs", "s"}, {"second", "s"}, {"seconds", "s"}, {"msec", "ms"},
    {"millis", "ms"}, {"usec", "us"}, {"min", "m"},  {"mins", "m"},   {"minute", "m"},  {"minutes", "m"},
    {"hr", "h"},      {"hrs", "h"},   {"hour", "h"}, {"hours", "h"},  {NULL, NULL}};
static const spelling words[] = {{"true", "on"},      {"yes", "on"},       {"1", "on"},      {"enabled", "on"},
                                 {"false", "off"},    {"no", "off"},       {"0", "off"},     {"-1", "off"},
                                 {"none", "off"},     {"disabled", "off"}, {"never", "off"}, {"unlimited", "off"},
                                 {"infinity", "off"}, {NULL, NULL}};

static const char *find(const spelling *spellings, const char *theirs)
{
    while (spellings->theirs != NULL && strcmp(spellings->theirs, theirs) != 0) {
        spellings++;
    }
    return spellings->ours;
}

/* A copy in small letters, without blanks and quotes. */
static void strip(const char *text, char *copy_out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 1 < size; text++) {
        if (strchr(" \t\"'", *text) == NULL) {
            copy_out[len++] = fk_ascii_lower(*text);
        }
    }
    copy_out[len] = '\0';
}

/* Puts our unit behind the digits of `text` in place of another spelling of it. */
static void spell_unit(const spelling *units, const char *text, char *written_out, size_t size)
{
    size_t digits = strspn(text, "0123456789");
    const char *unit = digits > 0 ? find(units, text + digits) : NULL;
    (void)snprintf(written_out, size, "%.*s%s", (int)digits, text, unit != NULL ? unit : text + digits);
}

/* An address of the admin listener, which takes loopback addresses only, from one as listen takes it. */
static void spell_admin(const char *text, char *written_out, size_t size)
{
    const char *rest = strstr(text, "://") != NULL ? strstr(text, "://") + strlen("://") : text;
    size_t host = strcspn(rest, ":/");
    if (strspn(rest, "0123456789") == strlen(rest)) {
        (void)snprintf(written_out, size, "127.0.0.1:%s", rest);
    } else if (rest[0] == '/') {
        (void)snprintf(written_out, size, "unix:%s", rest);
    } else if (host == 0 || (host == strlen("localhost") && strncmp(rest, "localhost", host) == 0)) {
        (void)snprintf(written_out, size, "127.0.0.1%.*s", (int)strcspn(rest + host, "/"), rest + host);
    } else {
        (void)snprintf(written_out, size, "%.*s", (int)strcspn(rest, "/"), rest);
    }
}

static void spell(const char *type, const char *text, char *written_out, size_t size)
{
    if (strcmp(type, "size") == 0) {
        spell_unit(size_units, text, written_out, size);
    } else if (strcmp(type, "duration") == 0) {
        spell_unit(duration_units, text, written_out, size);
    } else if (strcmp(type, "mode") == 0 && strncmp(text, "0o", 2) == 0) {
        (void)snprintf(written_out, size, "0%s", text + 2);
    } else if (strcmp(type, "address") == 0) {
        spell_admin(text, written_out, size);
    } else {
        (void)snprintf(written_out, size, "%s", text);
    }
}

void fk_advice_value(int id, const char *text, char *advice_out)
{
    int64_t number;
    char stripped[FK_ADVICE_MAX / 2], written[FK_ADVICE_MAX / 2 + 16];
    const char *type = forker_option_type(forker_option_at((size_t)id));
    advice_out[0] = '\0';
    if (id == FK_OPTION_ACCESS_LOG_FIELDS) {
        fk_log_fields_advice(text, advice_out, FK_ADVICE_MAX);
        return;
    }
    if (strlen(text) >= sizeof stripped) {
        return;
    }
    strip(text, stripped, sizeof stripped);
    const char *word = find(words, stripped);
    if (word == NULL || !fk_option_parse(id, word, &number)) {
        spell(type, stripped, written, sizeof written);
        word = written;
    }
    if (word[0] == '\0' || !fk_option_parse(id, word, &number)) {
        return;
    }
    bool lacks_unit = strcmp(type, "duration") == 0 && fk_ascii_is_digit(word[0]) &&
                      strspn(stripped, "0123456789") == strlen(stripped);
    (void)snprintf(advice_out, FK_ADVICE_MAX, ": %s%s", lacks_unit ? "it needs a unit, " : "write ", word);
}

void fk_advice_address(const char *text, char *advice_out)
{
    const char *scheme = strstr(text, "://");
    advice_out[0] = '\0';
    if (scheme != NULL) {
        const char *host = scheme + strlen("://");
        size_t len = strcspn(host, "/");
        bool secure = strncmp(text, "https:", strlen("https:")) == 0;
        const char *bracket = memchr(host, ']', len), *name_end = bracket != NULL ? bracket : host;
        bool has_port = memchr(name_end, ':', len - (size_t)(name_end - host)) != NULL;
        const char *port = has_port ? "" : secure ? ":443" : ":80";
        (void)snprintf(advice_out, FK_ADVICE_MAX, ": write %.*s%s%s", (int)len, host, port, secure ? "?tls=on" : "");
    } else if (text[0] == '/' || strncmp(text, "./", 2) == 0) {
        (void)snprintf(advice_out, FK_ADVICE_MAX, ": write unix:%s", text);
    } else if (text[0] != '\0' && strspn(text, "0123456789") == strlen(text)) {
        (void)snprintf(advice_out, FK_ADVICE_MAX, ": write :%s", text);
    } else if (strchr(text, '/') != NULL && strchr(text, ':') != NULL) {
        (void)snprintf(advice_out, FK_ADVICE_MAX, ": write %.*s", (int)strcspn(text, "/"), text);
    }
}
