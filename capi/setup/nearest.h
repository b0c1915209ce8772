/* Which of some names was meant by one that is none of them. */
#ifndef FORKER_NEAREST_H
#define FORKER_NEAREST_H

#include <stddef.h>

/* The number of single-character edits between two words (Levenshtein), of which only the first 31 characters count. */
size_t fk_distance(const char *a, const char *b);

/* How many edits a name may be away that was meant. */
size_t fk_distance_most(const char *name);

/* The nearest of `count` names, or NULL if none is near. */
const char *fk_nearest(const char *name, const char *const *names, size_t count);

#endif
