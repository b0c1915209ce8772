/* The file of options. */
#ifndef FORKER_CONFIG_H
#define FORKER_CONFIG_H

#include "base/server.h"

/*
 * Takes the options that a reload can change from the file, if one was loaded, then calls the on_reload hook. false: it
 * failed, all options are as before, and server->error says why.
 */
bool fk_config_reload(forker_server *server);

/*
 * The path from the root, to be freed, so that a later chdir(2) changes nothing; NULL: out of memory. Symbolic links
 * stay: a reload follows them anew.
 */
char *fk_config_absolute(const char *path);

#endif
