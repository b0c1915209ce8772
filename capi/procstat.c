/* /proc/<pid>/stat. */
#include "procstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool fk_procstat_read(pid_t pid, unsigned long long fields[FK_STAT_FIELDS])
{
    char path[32], text[2048];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[len > 0 ? len : 0] = '\0';
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
