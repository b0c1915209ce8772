/* Options by name: their values as text, and as what it means. */
#ifndef FORKER_OPTION_H
#define FORKER_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/server.h"

/* Finds an option by name; -1 if there is none. */
int fk_option_find(const char *name);

/* The name nearest to `name`, or NULL if none is near. */
const char *fk_option_nearest(const char *name);

/* Parses `text` as a value of option `id`. false: not a value, or out of bounds. */
bool fk_option_parse(int id, const char *text, int64_t *number_out);

/*
 * Finds an option by name and checks a value for it. -1 with a sentence: there is none (and which is near), or it is
 * not a value for it (and which are).
 */
int fk_option_resolve(const char *name, const char *text, char *sentence_out, size_t size);

/* Takes over what a value means; its text becomes one that means it, but for texts and directories. */
void fk_option_take_number(fk_option_value *value, int id, int64_t number);

/* Takes over a value that was checked. */
void fk_option_assign(fk_option_value *value, int id, const char *text);

/* Fills in defaults and the environment's values. */
void fk_options_init(forker_server *server);

/* Warns of variables that look like an option's, as FORKER_WROKERS does. Not in set-uid programs, which read none. */
void fk_options_warn_of_variables(forker_server *server);

#endif
