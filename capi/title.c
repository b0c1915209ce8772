/*
 * Process titles. Programs that set their title write over argv and the environment behind it. A library cannot: the program may
 * have kept pointers to its arguments. The kernel is told instead to take the command line from a buffer of ours; that needs no
 * privilege (PR_SET_MM_MAP of prctl(2)). A kernel without CONFIG_CHECKPOINT_RESTORE refuses, and only the thread's name changes.
 */
#include "title.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process.h"

enum { NAME_MAX_LEN = 15 }; /* of a thread, PR_SET_NAME */

static char title[256];

/* Numbers 3 to 52 of /proc/self/stat, as proc_pid_stat(5) counts them; the second may contain anything but ends with ")". */
static bool read_stat(unsigned long long fields[53])
{
    char text[2048];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[len > 0 ? len : 0] = '\0';
    char *p = strrchr(text, ')');
    if (p == NULL || strlen(p) < 4) {
        return false;
    }
    p += 3; /* ") S": field 3 is a letter */
    for (int i = 4; i <= 52; i++) {
        char *end;
        fields[i] = strtoull(p, &end, 10);
        if (end == p) {
            return false;
        }
        p = end;
    }
    return true;
}

/* Leaves the memory map as it is but for the command line. */
static void show(size_t len)
{
    unsigned long long fields[53];
    if (!read_stat(fields)) {
        return;
    }
    struct prctl_mm_map map = {
        .start_code = fields[26],
        .end_code = fields[27],
        .start_data = fields[45],
        .end_data = fields[46],
        .start_brk = fields[47],
        .brk = (unsigned long)sbrk(0),
        .start_stack = fields[28],
        .arg_start = (unsigned long)title,
        .arg_end = (unsigned long)title + len + 1,
        .env_start = fields[50],
        .env_end = fields[51],
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
