/*
 * Process titles. Programs that set their title write over argv and the environment behind it. A library cannot: the
 * program may have kept pointers to its arguments. The kernel is told instead to take the command line from a buffer of
 * ours; that needs no privilege (PR_SET_MM_MAP of prctl(2)). A kernel without CONFIG_CHECKPOINT_RESTORE refuses, and
 * only the thread's name changes.
 *
 * A program that has a title of its own, by having written over its arguments, keeps it: where argv[0] is not what it was
 * when the library was loaded, the kernel shows what is there.
 */
#include "child/title.h"

#include <errno.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/process.h"
#include "base/procstat.h"

enum { NAME_MAX_LEN = 15 }; /* of a thread, PR_SET_NAME */

enum { NAME_COMPARED = 128 };

/* From where to where the command line is. */
typedef struct {
    unsigned long long start, end;
} range;

static char title[256];
static range own; /* what the kernel took before; empty: it still does */
static const char *called;
static char called_at_load[NAME_COMPARED];

/* See save_arguments in process.c. */
__attribute__((constructor)) static void save_name(int argc, char **argv, char **envp)
{
    (void)envp;
    if (argc > 0 && argv != NULL && argv[argc] == NULL) {
        called = argv[0];
        (void)strncpy(called_at_load, called, sizeof called_at_load - 1);
    }
}

static bool has_own_title(void)
{
    return called != NULL && strncmp(called, called_at_load, sizeof called_at_load - 1) != 0;
}

/* Leaves the memory map as it is but for the command line. Returns where that was. */
static range show(range line)
{
    unsigned long long fields[FK_STAT_FIELDS];
    if (!fk_procstat_read(getpid(), fields)) {
        return (range){0, 0};
    }
    struct prctl_mm_map map = {
        .start_code = fields[FK_STAT_START_CODE],
        .end_code = fields[FK_STAT_END_CODE],
        .start_data = fields[FK_STAT_START_DATA],
        .end_data = fields[FK_STAT_END_DATA],
        .start_brk = fields[FK_STAT_START_BRK],
        .brk = (unsigned long)sbrk(0),
        .start_stack = fields[FK_STAT_START_STACK],
        .arg_start = line.start,
        .arg_end = line.end,
        .env_start = fields[FK_STAT_ENV_START],
        .env_end = fields[FK_STAT_ENV_END],
        .exe_fd = (unsigned)-1,
    };
    bool shown = prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) == 0;
    return shown ? (range){fields[FK_STAT_ARG_START], fields[FK_STAT_ARG_END]} : (range){0, 0};
}

void fk_title_set(const forker_server *server)
{
    char role[NAME_MAX_LEN + 1], name[NAME_MAX_LEN + 1];
    const char *program = program_invocation_short_name;
    if (fk_server_option(server, FK_OPTION_PROCESS_TITLES) == 0 || has_own_title()) {
        return;
    }
    if (fk_process.role == FK_ROLE_WORKER) {
        (void)snprintf(role, sizeof role, ": worker %d", (int)fk_process.worker);
    } else {
        (void)snprintf(role, sizeof role, ": %s", fk_process_name());
    }
    (void)snprintf(title, sizeof title, "%.200s%s", program, role);
    size_t kept = strnlen(program, NAME_MAX_LEN - strlen(role));
    memcpy(name, program, kept);
    memcpy(name + kept, role, strlen(role) + 1);
    (void)prctl(PR_SET_NAME, name);
    range before = show((range){(unsigned long)title, (unsigned long)title + strlen(title) + 1});
    own = own.end != 0 ? own : before;
}

void fk_title_yield(void)
{
    if (own.end != 0 && has_own_title()) {
        (void)show(own);
        own = (range){0, 0};
    }
}
