/* The patterns of routes, and what can be wrong with one. */
#ifndef FORKER_PATTERN_H
#define FORKER_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whether a pattern is one; counts its parameters. false with what is wrong with it, and where that can be told what to
 * write instead.
 */
bool fk_pattern_check(const char *pattern, uint32_t *params_out, char *fault_out, size_t size);

/* Whether a segment of a pattern begins with a backslash that is none of its text. */
bool fk_pattern_is_escaped(const char *segment);

#endif
