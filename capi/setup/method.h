/* Methods, as routes name them: "*", or names separated by commas. */
#ifndef FORKER_METHOD_H
#define FORKER_METHOD_H

#include "base/server.h"

/* Returns what is wrong with a list of methods, or NULL. */
const char *fk_methods_fault(const char *methods);

/* Whether two lists have a method in common. */
bool fk_methods_overlap(const char *a, const char *b);

/* Takes in the methods that are not standard ones. false: together with those of other routes they are too many. */
bool fk_methods_note(forker_server *server, const char *methods);

#endif
