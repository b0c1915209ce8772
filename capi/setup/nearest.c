/* Which of some names was meant by one that is none of them. */
#include "setup/nearest.h"

#include <string.h>

size_t fk_distance(const char *a, const char *b)
{
    enum { LONGEST = 31 };
    size_t row[LONGEST + 1];
    size_t b_len = strnlen(b, LONGEST);
    for (size_t j = 0; j <= b_len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0' && i < LONGEST; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b_len; j++) {
            size_t best = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j + 1] = diagonal + 1 < best ? diagonal + 1 : best;
        }
    }
    return row[b_len];
}

size_t fk_distance_most(const char *name)
{
    return strlen(name) / 2 + 1;
}

const char *fk_nearest(const char *name, const char *const *names, size_t count)
{
    size_t limit = fk_distance_most(name);
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = fk_distance(name, names[i]);
        if (distance <= limit) {
            limit = distance - (distance > 0);
            nearest = names[i];
        }
    }
    return nearest;
}
