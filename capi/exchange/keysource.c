/* Where a request can have a key. */
#include "exchange/keysource.h"

#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"

static const char *const kinds[] = {
    [FK_KEY_HEADER] = "header:", [FK_KEY_QUERY] = "query:", [FK_KEY_COOKIE] = "cookie:", [FK_KEY_FORM] = "form:"};

/* Cuts the blanks off both ends. */
static char *trimmed(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        text[--len] = '\0';
    }
    return text;
}

static const char *scheme_fault(const fk_key_source *source)
{
    bool is_authorization = fk_ascii_equal(source->name, "Authorization");
    if (source->scheme == NULL) {
        return is_authorization
                   ? "Authorization has a scheme before the key; write it, as in header:Authorization:Bearer"
                   : NULL;
    }
    if (!fk_ascii_is_whole_token(source->scheme)) {
        return "a scheme is a word such as Bearer";
    }
    return is_authorization && fk_ascii_equal(source->scheme, "Basic")
               ? "Basic has a name and a password; see forker_group_basic_auth()"
               : NULL;
}

/* Reads one source, whose text stays what it is but for the colon before a scheme. */
static const char *read_source(fk_key_source *source, char *text)
{
    size_t kind = 0;
    while (kind < sizeof kinds / sizeof *kinds && strncmp(text, kinds[kind], strlen(kinds[kind])) != 0) {
        kind++;
    }
    if (kind == sizeof kinds / sizeof *kinds) {
        return "it begins with none of header:, query:, cookie: and form:";
    }
    char *name = text + strlen(kinds[kind]), *colon = kind == FK_KEY_HEADER ? strchr(name, ':') : NULL;
    *source = (fk_key_source){.kind = (fk_key_kind)kind, .name = name};
    if (colon != NULL) {
        source->scheme = colon + 1;
        *colon = '\0';
    }
    if (name[0] == '\0') {
        return "it names nothing behind the colon";
    }
    if ((kind == FK_KEY_HEADER || kind == FK_KEY_COOKIE) && !fk_ascii_is_whole_token(name)) {
        return "the name is not a token";
    }
    return kind == FK_KEY_HEADER ? scheme_fault(source) : NULL;
}

const char *fk_key_sources_read(fk_key_sources *sources, const char *text, const char **wrong_out)
{
    const char *fault = NULL;
    *wrong_out = text;
    sources->text = strdup(text);
    for (char *at = sources->text, *next; fault == NULL && at != NULL; at = next) {
        char *comma = strchr(at, ',');
        next = comma != NULL ? comma + 1 : NULL;
        *wrong_out = text + (at - sources->text);
        if (comma != NULL) {
            *comma = '\0';
        }
        if (sources->count == FK_KEY_SOURCES_MAX) {
            return "there are 8 before it, which is the most";
        }
        fault = read_source(&sources->items[sources->count++], trimmed(at));
    }
    return fault;
}

void fk_key_sources_free(fk_key_sources *sources)
{
    free(sources->text);
}
