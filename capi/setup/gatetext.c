/* What options about gates are written like: rates, origins, names of fields. */
#include "setup/gatetext.h"

#include <stdint.h>
#include <string.h>

#include "base/ascii.h"

static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char separators[] = ", ";

enum { COUNT_MOST = 1000000000, ITEM_MOST = 256 };

/* Reads a number from 1 to COUNT_MOST of which `len` bytes are the digits. */
static bool read_count(const char *text, size_t len, uint64_t *count_out)
{
    char digits[12];
    if (len == 0 || len >= sizeof digits) {
        return false;
    }
    memcpy(digits, text, len);
    digits[len] = '\0';
    return fk_ascii_number(digits, COUNT_MOST, count_out) && *count_out > 0;
}

/* Seconds of a unit; 0: it is none. */
static uint64_t unit_seconds(char unit)
{
    return unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3600 : 0;
}

static bool starts(const char *text, size_t len, const char *with)
{
    return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* What stands behind the rate: "burst=200", "by=client", "by=all" or "by=header:Name". */
static bool read_extra(const char *word, size_t len, uint64_t *burst)
{
    static const char burst_name[] = "burst=", header[] = "by=header:";
    if (starts(word, len, burst_name)) {
        return read_count(word + strlen(burst_name), len - strlen(burst_name), burst);
    }
    if (starts(word, len, header)) {
        size_t name = len - strlen(header);
        return name > 0 && fk_ascii_token_len(word + strlen(header)) >= name;
    }
    return is_word(word, len, "by=client") || is_word(word, len, "by=all");
}

bool fk_rate_is(const char *text)
{
    enum { DAY = 86400 };
    uint64_t count, burst;
    size_t len = strcspn(text, "/");
    uint64_t seconds = text[len] == '/' ? unit_seconds(text[len + 1]) : 0;
    if (!read_count(text, len, &count) || seconds == 0 || (text[len + 2] != '\0' && text[len + 2] != ' ')) {
        return false;
    }
    burst = count;
    for (const char *word = text + len + 2; *(word += strspn(word, " ")) != '\0';) {
        size_t size = strcspn(word, " ");
        if (!read_extra(word, size, &burst)) {
            return false;
        }
        word += size;
    }
    return burst * seconds <= (uint64_t)DAY * count; /* so long it may take until a burst is forgotten */
}

/* "https://example.org:8443", or with "*." before the name. */
static bool is_origin(const char *item, size_t len)
{
    size_t scheme = strspn(item, alnum);
    if (scheme == 0 || !starts(item + scheme, len - scheme, "://")) {
        return false;
    }
    const char *host = item + scheme + 3, *end = item + len;
    host += starts(host, (size_t)(end - host), "*.") ? 2 : 0;
    size_t rest = (size_t)(end - host);
    return rest > 0 && memchr(host, '*', rest) == NULL && memchr(host, '/', rest) == NULL &&
           memchr(host, '?', rest) == NULL;
}

/* Goes through a list; `judge` says of each item whether it is one. */
static bool each(const char *text, bool (*judge)(const char *item, size_t len))
{
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        if (len >= ITEM_MOST || !(is_word(text, len, "*") || judge(text, len))) {
            return false;
        }
        text += len;
    }
    return true;
}

static bool is_name(const char *item, size_t len)
{
    return fk_ascii_token_len(item) >= len;
}

/* "text/html", "text/" with "*" behind it */
static bool is_media_range(const char *item, size_t len)
{
    size_t first = fk_ascii_token_len(item);
    size_t second = first > 0 && first < len && item[first] == '/' ? fk_ascii_token_len(item + first + 1) : 0;
    const char *star = memchr(item, '*', len);
    return second > 0 && first + 1 + second >= len && (star == NULL || (star == item + first + 1 && second == 1));
}

bool fk_origins_are(const char *text)
{
    return each(text, is_origin);
}

bool fk_names_are(const char *text)
{
    return each(text, is_name);
}

bool fk_media_ranges_are(const char *text)
{
    return each(text, is_media_range);
}

bool fk_origins_have_all(const char *text)
{
    for (text += strspn(text, separators); *text != '\0'; text += strspn(text, separators)) {
        size_t len = strcspn(text, separators);
        if (is_word(text, len, "*")) {
            return true;
        }
        text += len;
    }
    return false;
}
