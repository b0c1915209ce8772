/*
 * The program as it was started. All of it is copied while the library is loaded: later, getopt(3) may have put the
 * arguments into another order, the directory may be another one, and /proc/self/exe may be "(deleted)".
 */
#include "supervisor/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[PATH_MAX];
static char directory[PATH_MAX];
static char **arguments;

static bool is_this_program(const char *name)
{
    struct stat named, running;
    return stat(name, &named) == 0 && stat("/proc/self/exe", &running) == 0 && named.st_dev == running.st_dev &&
           named.st_ino == running.st_ino;
}

/*
 * The path by which the program was called, if it has one: it may lead over a symbolic link, as in
 * "current/bin/server", which will lead to another version. Else what the kernel says.
 */
static void find_path(const char *called)
{
    if (strchr(called, '/') != NULL && strlen(called) < sizeof path && is_this_program(called)) {
        memcpy(path, called, strlen(called) + 1);
        return;
    }
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
}

static void copy_arguments(size_t argc, char **argv)
{
    arguments = calloc(argc + 1, sizeof *arguments);
    for (size_t i = 0; arguments != NULL && i < argc; i++) {
        arguments[i] = strdup(argv[i]);
        if (arguments[i] == NULL) {
            arguments = NULL;
        }
    }
}

/* See save_arguments in process.c. */
__attribute__((constructor)) static void save_program(int argc, char **argv, char **envp)
{
    (void)envp;
    if (argc > 0 && argv != NULL && argv[argc] == NULL) {
        find_path(argv[0]);
        copy_arguments((size_t)argc, argv);
    }
    if (getcwd(directory, sizeof directory) == NULL) {
        directory[0] = '\0';
    }
}

void fk_program_exec(char **environment)
{
    if (path[0] == '\0' || arguments == NULL || environment == NULL) {
        errno = ENOENT;
        return;
    }
    if (directory[0] == '\0' || chdir(directory) == 0 || path[0] == '/') {
        (void)execve(path, arguments, environment);
    }
}

const char *fk_program_path(void)
{
    return path;
}
