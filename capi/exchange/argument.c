/* Values that a client sends, as numbers, points of time and choices: what is not one, or is out of its bounds, is said in words. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "exchange/exchange.h"
#include "exchange/failure.h"
#include "exchange/timestamp.h"

enum { SHOWN = 64 }; /* bytes of a value in a sentence */

/* The first field of a form of that name. */
static const char *form_field(forker_request *req, const char *name, size_t *len_out)
{
    return forker_form_value(req, name, 0, len_out);
}

/* Finds the value of an argument, and returns what the call does if there is none: *value_out is NULL then. */
static int find(forker_request *req, int from, const char *name, const char **value_out)
{
    static const char *(*const sources[])(forker_request *, const char *, size_t *) = {
        [FORKER_FROM_QUERY] = forker_request_query_param,
        [FORKER_FROM_PARAM] = forker_request_param,
        [FORKER_FROM_HEADER] = forker_request_header,
        [FORKER_FROM_COOKIE] = forker_request_cookie,
        [FORKER_FROM_FORM] = form_field,
    };
    size_t len;
    *value_out = NULL;
    if (req == NULL) {
        return FORKER_E_INVALID;
    }
    if (name == NULL || from < 0 || (size_t)from >= sizeof sources / sizeof *sources) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "arg: %s", name == NULL ? "name is NULL" : "no such source");
    }
    if (from == FORKER_FROM_FORM && forker_request_form(req) != FORKER_OK) {
        return FORKER_E_INVALID;
    }
    const char *value = sources[from](req, name, &len);
    if (value != NULL && strlen(value) != len) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: has a NUL in it", name);
    }
    *value_out = value;
    return FORKER_OK;
}

static bool read_int(const char *text, int64_t *number_out)
{
    const char *digits = text + (text[0] == '-');
    char *end;
    if (!fk_ascii_is_digit(digits[0])) {
        return false;
    }
    errno = 0;
    *number_out = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

/* It takes what it says. NOLINTNEXTLINE(readability-function-size) */
int forker_arg_int(forker_request *req, int from, const char *name, int64_t least, int64_t most, int64_t fallback,
                   int64_t *value_out)
{
    const char *text;
    int64_t number;
    if (value_out == NULL) {
        return FORKER_E_INVALID;
    }
    *value_out = fallback;
    int code = find(req, from, name, &text);
    if (text == NULL) {
        return code;
    }
    if (!read_int(text, &number) || number < least || number > most) {
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "%s: \"%.*s\" is not a whole number from %" PRId64 " to %" PRId64, name, SHOWN, text, least,
                       most);
    }
    *value_out = number;
    return FORKER_OK;
}

/* Whether a text is a decimal number: neither hexadecimal digits nor "inf" count. */
static bool is_decimal(const char *text)
{
    const char *p = text + (*text == '-');
    return fk_ascii_is_digit(*p) && strspn(p, "0123456789.eE+-") == strlen(p);
}

/* The locale in which numbers have a decimal point: a program's may have a comma. 0: no memory. */
static locale_t plain_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static bool read_double(const char *text, double *number_out)
{
    char *end;
    locale_t plain = is_decimal(text) ? plain_locale() : (locale_t)0;
    if (plain == (locale_t)0) {
        return false;
    }
    *number_out = strtod_l(text, &end, plain);
    freelocale(plain);
    return *end == '\0' && isfinite(*number_out);
}

/* Says that a value is no number between bounds, which are written as the client has to write its own. */
static int refuse_double(forker_request *req, const char *name, const char *text, double least, double most)
{
    locale_t plain = plain_locale();
    locale_t before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    int code = fk_fail(&req->failure, FORKER_E_INVALID, "%s: \"%.*s\" is not a number from %g to %g", name, SHOWN, text,
                       least, most);
    if (plain != (locale_t)0) {
        (void)uselocale(before);
        freelocale(plain);
    }
    return code;
}

/* It takes what it says. NOLINTNEXTLINE(readability-function-size) */
int forker_arg_double(forker_request *req, int from, const char *name, double least, double most, double fallback,
                      double *value_out)
{
    const char *text;
    double number;
    if (value_out == NULL) {
        return FORKER_E_INVALID;
    }
    *value_out = fallback;
    int code = find(req, from, name, &text);
    if (text == NULL) {
        return code;
    }
    if (!read_double(text, &number) || number < least || number > most) {
        return refuse_double(req, name, text, least, most);
    }
    *value_out = number;
    return FORKER_OK;
}

/* It takes what it says. NOLINTNEXTLINE(readability-function-size) */
int forker_arg_time(forker_request *req, int from, const char *name, int64_t first, int64_t last, int64_t fallback,
                    int64_t *value_out)
{
    const char *text;
    int64_t ms;
    char earliest[FK_TIMESTAMP_MAX], latest[FK_TIMESTAMP_MAX];
    if (value_out == NULL) {
        return FORKER_E_INVALID;
    }
    *value_out = fallback;
    int code = find(req, from, name, &text);
    if (text == NULL) {
        return code;
    }
    if (!fk_timestamp_read(text, &ms)) {
        return fk_fail(&req->failure, FORKER_E_INVALID,
                       "%s: \"%.*s\" is not a time, such as 2026-11-30T08:15:00Z or 2026-11-30", name, SHOWN, text);
    }
    if (ms < first || ms > last) {
        fk_timestamp_write(earliest, first);
        fk_timestamp_write(latest, last);
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: \"%.*s\" is not from %s to %s", name, SHOWN, text,
                       earliest, latest);
    }
    *value_out = ms;
    return FORKER_OK;
}

/* The number of `text` among words that are separated by "|"; -1: it is none of them. */
static int index_of(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (int i = 0;; i++) {
        size_t word = strcspn(words, "|");
        if (word == len && memcmp(words, text, len) == 0) {
            return i;
        }
        if (words[word] == '\0') {
            return -1;
        }
        words += word + 1;
    }
}

/* It takes what it says. NOLINTNEXTLINE(readability-function-size) */
int forker_arg_choice(forker_request *req, int from, const char *name, const char *words, int fallback, int *value_out)
{
    const char *text;
    if (value_out == NULL) {
        return FORKER_E_INVALID;
    }
    *value_out = fallback;
    int code = find(req, from, name, &text);
    if (code == FORKER_OK && words == NULL) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "arg: words is NULL");
    }
    if (text == NULL) {
        return code;
    }
    int found = index_of(words, text);
    if (found < 0) {
        return fk_fail(&req->failure, FORKER_E_INVALID, "%s: \"%.*s\" is none of %s", name, SHOWN, text, words);
    }
    *value_out = found;
    return FORKER_OK;
}

int forker_arg_bool(forker_request *req, int from, const char *name, int fallback, int *value_out)
{
    int word;
    if (value_out == NULL) {
        return FORKER_E_INVALID;
    }
    int code = forker_arg_choice(req, from, name, "false|true|0|1|off|on|no|yes", fallback != 0, &word);
    *value_out = code == FORKER_OK ? word & 1 : fallback != 0;
    return code;
}
