/* What option access_log_fields is written like: names, separated by commas. */
#include "setup/logtext.h"

#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "setup/nearest.h"

enum { FIELDS_MOST = 16, FIELD_MOST = 128 };

static const char separators[] = ", ";
static const char header[] = "header:";
static const char *const names[] = {"request_id", "route", "client"};

enum { NAMES = sizeof names / sizeof names[0] };

typedef struct {
    const char *text;
    size_t len;
} item;

/* Takes the next item of a list. false: there is none. */
static bool next_item(const char **list, item *item_out)
{
    const char *text = *list + strspn(*list, separators);
    *item_out = (item){text, strcspn(text, separators)};
    *list = text + item_out->len;
    return item_out->len > 0;
}

static bool is_field(item i)
{
    size_t prefix = strlen(header);
    if (i.len > prefix && strncmp(i.text, header, prefix) == 0) {
        return i.len < FIELD_MOST && fk_ascii_token_len(i.text + prefix) >= i.len - prefix;
    }
    for (size_t n = 0; n < NAMES; n++) {
        if (strlen(names[n]) == i.len && strncmp(i.text, names[n], i.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an item of a list stands before it too: names of fields of requests are the same in any case. */
static bool is_again(const char *list, item i)
{
    for (item other; next_item(&list, &other) && other.text < i.text;) {
        if (other.len == i.len && fk_ascii_same(other.text, i.text, i.len)) {
            return true;
        }
    }
    return false;
}

typedef enum { FINE, UNKNOWN, TWICE, TOO_MANY } fault;

/* Finds the first item that is wrong. */
static fault find_fault(const char *text, item *item_out)
{
    const char *rest = text;
    for (int count = 1; next_item(&rest, item_out); count++) {
        if (!is_field(*item_out)) {
            return UNKNOWN;
        }
        if (is_again(text, *item_out)) {
            return TWICE;
        }
        if (count > FIELDS_MOST) {
            return TOO_MANY;
        }
    }
    return FINE;
}

bool fk_log_fields_are(const char *text)
{
    item i;
    return find_fault(text, &i) == FINE;
}

static void advise_unknown(item i, char *advice_out, size_t size)
{
    char name[48];
    (void)snprintf(name, sizeof name, "%.*s", (int)i.len, i.text);
    const char *near = strchr(name, '-') == NULL ? fk_nearest(name, names, NAMES) : NULL; /* none of them has one */
    if (near != NULL) {
        (void)snprintf(advice_out, size, ": there is no \"%s\"; did you mean \"%s\"?", name, near);
    } else if (strncmp(name, header, strlen(header)) == 0) {
        (void)snprintf(advice_out, size, ": \"%s\" has no name of a field", name);
    } else if (fk_ascii_token_len(name) == strlen(name)) {
        (void)snprintf(advice_out, size, ": there is no \"%s\"; a field of requests is header:%s", name, name);
    } else {
        (void)snprintf(advice_out, size, ": there is no \"%s\"", name);
    }
}

void fk_log_fields_advice(const char *text, char *advice_out, size_t size)
{
    item i;
    switch (find_fault(text, &i)) {
    case UNKNOWN:
        advise_unknown(i, advice_out, size);
        return;
    case TWICE:
        (void)snprintf(advice_out, size, ": \"%.*s\" is there twice", (int)(i.len < 48 ? i.len : 48), i.text);
        return;
    case TOO_MANY:
        (void)snprintf(advice_out, size, ": more than %d", FIELDS_MOST);
        return;
    case FINE:
        advice_out[0] = '\0';
        return;
    }
}
