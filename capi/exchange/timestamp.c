/* Timestamps (RFC 3339), by the Gregorian calendar, whatever time zone the process has. */
#include "exchange/timestamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/ascii.h"

enum { DAY_S = 86400, DAYS_TO_1970 = 719162, YEAR_MOST = 9999 };

static const int64_t first_ms = -62135596800000, last_ms = 253402300799999; /* of the years 1 to 9999 */

/* Takes a number of so many digits. false: it is not there, or out of its bounds. */
static bool take(const char **p, int digits, int least, int most, int *number_out)
{
    int number = 0;
    for (; digits > 0; digits--, (*p)++) {
        if (!fk_ascii_is_digit(**p)) {
            return false;
        }
        number = number * 10 + (**p - '0');
    }
    *number_out = number;
    return number >= least && number <= most;
}

static bool take_char(const char **p, const char *choice)
{
    bool is = **p != '\0' && strchr(choice, **p) != NULL;
    *p += is;
    return is;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Reads a date, as days since 1970. */
static bool take_date(const char **p, int64_t *days_out)
{
    int year, month, day;
    if (!take(p, 4, 1, YEAR_MOST, &year) || !take_char(p, "-") || !take(p, 2, 1, 12, &month) || !take_char(p, "-") ||
        !take(p, 2, 1, days_of(year, month), &day)) {
        return false;
    }
    int64_t whole = year - 1;
    *days_out = whole * 365 + whole / 4 - whole / 100 + whole / 400 - DAYS_TO_1970 + day - 1;
    for (int before = 1; before < month; before++) {
        *days_out += days_of(year, before);
    }
    return true;
}

/* Reads a fraction of a second, of which milliseconds count. */
static bool take_fraction(const char **p, int *ms_out)
{
    int digits = 0;
    *ms_out = 0;
    if (!take_char(p, ".")) {
        return true;
    }
    for (; fk_ascii_is_digit(**p); (*p)++, digits++) {
        *ms_out = digits < 3 ? *ms_out * 10 + (**p - '0') : *ms_out;
    }
    for (int missing = digits; missing < 3; missing++) {
        *ms_out *= 10;
    }
    return digits > 0;
}

/* Reads how many minutes a clock is ahead of UTC. */
static bool take_offset(const char **p, int *minutes_out)
{
    int hours, minutes;
    bool behind = **p == '-';
    *minutes_out = 0;
    if (take_char(p, "Zz")) {
        return true;
    }
    if (!take_char(p, "+- ") || !take(p, 2, 0, 23, &hours) || !take_char(p, ":") || !take(p, 2, 0, 59, &minutes)) {
        return false;
    }
    *minutes_out = behind ? -(hours * 60 + minutes) : hours * 60 + minutes;
    return true;
}

bool fk_timestamp_read(const char *text, int64_t *ms_out)
{
    int hour, minute, second, ms, ahead;
    int64_t days;
    if (!take_date(&text, &days)) {
        return false;
    }
    *ms_out = days * DAY_S * 1000;
    if (*text == '\0') {
        return true;
    }
    if (!take_char(&text, "Tt") || !take(&text, 2, 0, 23, &hour) || !take_char(&text, ":") ||
        !take(&text, 2, 0, 59, &minute) || !take_char(&text, ":") || !take(&text, 2, 0, 60, &second) ||
        !take_fraction(&text, &ms) || !take_offset(&text, &ahead) || *text != '\0') {
        return false;
    }
    *ms_out += (((int64_t)hour * 60 + minute - ahead) * 60 + second) * 1000 + ms;
    return true;
}

void fk_timestamp_write(char text_out[FK_TIMESTAMP_MAX], int64_t ms)
{
    struct tm parts;
    ms = ms < first_ms ? first_ms : ms > last_ms ? last_ms : ms;
    time_t seconds = (time_t)((ms - (ms % 1000 + 1000) % 1000) / 1000);
    if (gmtime_r(&seconds, &parts) == NULL ||
        snprintf(text_out, FK_TIMESTAMP_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", (parts.tm_year + 1900) % 10000,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec) < 0) {
        text_out[0] = '\0';
    }
}
