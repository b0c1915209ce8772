/* Files of users that options name. */
#include "setup/secretfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "setup/gateoption.h"

void fk_secretfiles_free(fk_secretfile *files)
{
    while (files != NULL) {
        fk_secretfile *file = files;
        files = file->next;
        free(file->name);
        free(file->path);
        fk_pem_free(&file->content);
        free(file);
    }
}

void fk_secretfiles_wipe(forker_server *server)
{
    for (fk_secretfile *file = server->secretfiles; file != NULL; file = file->next) {
        fk_pem_free(&file->content);
    }
}

int fk_secretfiles_refuse(forker_server *server, const char *sentence)
{
    return fk_server_fail(server, FORKER_E_OPTION, "%s: %s", server->run.verb, sentence);
}

static bool has(const fk_secretfile *files, const char *name)
{
    while (files != NULL && strcmp(files->name, name) != 0) {
        files = files->next;
    }
    return files != NULL;
}

/* Reads a file and puts it before the others. The sentence does not say what it was read for. */
static int add(forker_server *server, fk_secretfile **files, const char *name, const char *path)
{
    fk_secretfile *file = calloc(1, sizeof *file);
    char *own_name = strdup(name), *own_path = strdup(path);
    if (file == NULL || own_name == NULL || own_path == NULL) {
        free(file);
        free(own_name);
        free(own_path);
        return fk_server_fail(server, FORKER_E_MEMORY, "basic_auth: %s: out of memory", path);
    }
    *file = (fk_secretfile){.name = own_name, .path = own_path, .next = *files};
    *files = file;
    const char *wrong = fk_pem_read(&file->content, path);
    return wrong == NULL ? FORKER_OK : fk_server_fail(server, FORKER_E_OPTION, "basic_auth: %s: %s", path, wrong);
}

/* The route of that number, or for the last one what holds where there is none. */
static const char *name_of(const forker_server *server, uint32_t index)
{
    const fk_route *route = index < server->routing.route_count ? &server->routing.routes[index] : NULL;
    return fk_gate_option_text(server, route, FK_OPTION_BASIC_AUTH);
}

int fk_secretfiles_open(forker_server *server)
{
    char path[FK_PATH_ROOM];
    fk_secretfile *files = NULL;
    int code = FORKER_OK;
    for (uint32_t i = 0; code == FORKER_OK && i <= server->routing.route_count; i++) {
        const char *name = name_of(server, i);
        if (name[0] != '\0' && !has(files, name)) {
            code = add(server, &files, name, fk_path_from(server, name, path));
        }
    }
    if (code != FORKER_OK) {
        char sentence[FK_SENTENCE_MAX];
        memcpy(sentence, server->error, sizeof sentence);
        fk_secretfiles_free(files);
        return fk_server_fail(server, code, "%s: %s", server->run.verb, sentence);
    }
    fk_secretfiles_free(server->secretfiles);
    server->secretfiles = files;
    return FORKER_OK;
}

bool fk_secretfiles_renew(forker_server *server, fk_secretfile **before_out)
{
    fk_secretfile *fresh = NULL;
    int code = FORKER_OK;
    *before_out = server->secretfiles;
    for (fk_secretfile *file = server->secretfiles; code == FORKER_OK && file != NULL; file = file->next) {
        code = add(server, &fresh, file->name, file->path);
    }
    if (code != FORKER_OK) {
        fk_secretfiles_free(fresh);
        return false;
    }
    server->secretfiles = fresh;
    return true;
}

void fk_secretfiles_restore(forker_server *server, fk_secretfile *before)
{
    fk_secretfiles_free(server->secretfiles);
    server->secretfiles = before;
}
