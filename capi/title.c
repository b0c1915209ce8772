/*
 * Process titles. Programs that set their title write over argv and the environment behind it. A library cannot: the
 * program may have kept pointers to its arguments. The kernel is told instead to take the command line from a buffer of
 * ours; that needs no privilege (PR_SET_MM_MAP of prctl(2)). A kernel without CONFIG_CHECKPOINT_RESTORE refuses, and
 * only the thread's name changes.
 */
#include "title.h"

#include <errno.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process.h"
#include "procstat.h"

enum { NAME_MAX_LEN = 15 }; /* of a thread, PR_SET_NAME */

static char title[256];

/* Leaves the memory map as it is but for the command line. */
static void show(size_t len)
{
    unsigned long long fields[FK_STAT_FIELDS];
    if (!fk_procstat_read(getpid(), fields)) {
        return;
    }
    struct prctl_mm_map map = {
        .start_code = fields[FK_STAT_START_CODE],
        .end_code = fields[FK_STAT_END_CODE],
        .start_data = fields[FK_STAT_START_DATA],
        .end_data = fields[FK_STAT_END_DATA],
        .start_brk = fields[FK_STAT_START_BRK],
        .brk = (unsigned long)sbrk(0),
        .start_stack = fields[FK_STAT_START_STACK],
        .arg_start = (unsigned long)title,
        .arg_end = (unsigned long)title + len + 1,
        .env_start = fields[FK_STAT_ENV_START],
        .env_end = fields[FK_STAT_ENV_END],
        .exe_fd = (unsigned)-1,
    };
    (void)prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

void fk_title_set(const forker_server *server)
{
    char role[NAME_MAX_LEN + 1], name[NAME_MAX_LEN + 1];
    const char *program = program_invocation_short_name;
    if (fk_server_option(server, FK_OPTION_PROCESS_TITLES) == 0) {
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
    show(strlen(title));
}
