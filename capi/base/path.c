/* Paths that options name. */
#include "base/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fk_path_begin(forker_server *server)
{
    free(server->run.directory);
    server->run.directory = getcwd(NULL, 0);
    return FORKER_OK;
}

const char *fk_path_of(const forker_server *server, int option, char path[FK_PATH_ROOM])
{
    return fk_path_from(server, server->options[option].text, path);
}

const char *fk_path_from(const forker_server *server, const char *text, char path[FK_PATH_ROOM])
{
    bool relative = text[0] != '\0' && text[0] != '/' && server->run.directory != NULL;
    (void)snprintf(path, FK_PATH_ROOM, "%s%s%s", relative ? server->run.directory : "", relative ? "/" : "", text);
    return path;
}
