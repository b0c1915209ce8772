/*
 * Checks of the programs that test by themselves: each failure is a line on stderr, and the exit status tells if there
 * was one.
 */
#ifndef CHECK_H
#define CHECK_H

#include "program.h"

static int check_failures;

#define CHECK(is) check_true((is), #is, __FILE__, __LINE__)
#define CHECK_CODE(call, code) check_code((call), (code), #call, __FILE__, __LINE__)
#define CHECK_TEXT(call, text) check_text((call), (text), #call, __FILE__, __LINE__)

static inline void check_true(int is, const char *what, const char *file, int line)
{
    if (!is) {
        fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        check_failures++;
    }
}

static inline void check_code(int got, int want, const char *what, const char *file, int line)
{
    if (got != want) {
        fprintf(stderr, "%s:%d: %s gives %d, want %d\n", file, line, what, got, want);
        check_failures++;
    }
}

/* Either may be NULL. */
static inline void check_text(const char *got, const char *want, const char *what, const char *file, int line)
{
    if (got == NULL || want == NULL ? got != want : strcmp(got, want) != 0) {
        fprintf(stderr, "%s:%d: %s gives \"%s\", want \"%s\"\n", file, line, what, got != NULL ? got : "NULL",
                want != NULL ? want : "NULL");
        check_failures++;
    }
}

static inline int check_exit_status(void)
{
    return check_failures == 0 ? 0 : 1;
}

#endif
