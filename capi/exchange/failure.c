/* Sentences of failed calls about requests and handles. A server's are in server.c. */
#include "exchange/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENTENCE_MAX = 512 };

int fk_fail(fk_failure *failure, int code, const char *format, ...)
{
    va_list args;
    failure->code = code;
    if (failure->text == NULL) {
        failure->text = malloc(SENTENCE_MAX);
    }
    if (failure->text != NULL) {
        va_start(args, format);
        (void)vsnprintf(failure->text, SENTENCE_MAX, format, args);
        va_end(args);
    }
    return code;
}

const char *fk_failure_text(const fk_failure *failure)
{
    return failure->text != NULL ? failure->text : "";
}

void fk_failure_clear(fk_failure *failure)
{
    free(failure->text);
    *failure = (fk_failure){0};
}
