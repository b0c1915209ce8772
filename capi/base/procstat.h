/* What /proc/<pid>/stat, status and statm tell of a process. */
#ifndef FORKER_PROCSTAT_H
#define FORKER_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The numbers of the fields, as proc_pid_stat(5) counts them. */
enum {
    FK_STAT_START_TIME = 22, /* clock ticks since boot */
    FK_STAT_START_CODE = 26,
    FK_STAT_END_CODE = 27,
    FK_STAT_START_STACK = 28,
    FK_STAT_START_DATA = 45,
    FK_STAT_END_DATA = 46,
    FK_STAT_START_BRK = 47,
    FK_STAT_ARG_START = 48,
    FK_STAT_ARG_END = 49,
    FK_STAT_ENV_START = 50,
    FK_STAT_ENV_END = 51,
    FK_STAT_FIELDS = 53
};

/* Reads the fields that are numbers. false: there is no such process, or no /proc. */
bool fk_procstat_read(pid_t pid, unsigned long long fields[FK_STAT_FIELDS]);

/* Bytes of memory that a process has resident, shared ones included. false: /proc does not tell, and it is 0. */
bool fk_procstat_resident(pid_t pid, uint64_t *bytes_out);

/* Tells if a debugger holds the process, or something else that traces it (ptrace(2)). */
bool fk_procstat_is_traced(pid_t pid);

#endif
