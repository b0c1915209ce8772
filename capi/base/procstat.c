/* /proc/<pid>/stat, status and statm. */
#include "base/procstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/descriptor.h"

enum { TEXT_MAX = 2048 };

static bool read_text(pid_t pid, const char *name, char text[TEXT_MAX])
{
    char path[32];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = fk_descriptor_raise(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, TEXT_MAX - 1);
    (void)close(fd);
    text[len > 0 ? len : 0] = '\0';
    return true;
}

bool fk_procstat_is_traced(pid_t pid)
{
    static const char name[] = "\nTracerPid:";
    char text[TEXT_MAX];
    const char *line = read_text(pid, "status", text) ? strstr(text, name) : NULL;
    return line != NULL && strtol(line + strlen(name), NULL, 10) != 0;
}

bool fk_procstat_read(pid_t pid, unsigned long long fields[FK_STAT_FIELDS])
{
    char text[TEXT_MAX];
    if (!read_text(pid, "stat", text)) {
        return false;
    }
    char *p = strrchr(text, ')'); /* field 2, the name, may contain anything and ends here */
    if (p == NULL || strlen(p) < strlen(") S ")) {
        return false;
    }
    p += strlen(") S");
    for (int i = 4; i < FK_STAT_FIELDS; i++) {
        char *end;
        fields[i] = strtoull(p, &end, 10);
        if (end == p) {
            return false;
        }
        p = end;
    }
    return true;
}

/* proc_pid_statm(5): the second number is the resident pages. */
bool fk_procstat_resident(pid_t pid, uint64_t *bytes_out)
{
    char text[TEXT_MAX];
    unsigned long long pages = 0;
    bool known = read_text(pid, "statm", text) && sscanf(text, "%*u %llu", &pages) == 1;
    *bytes_out = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return known;
}
