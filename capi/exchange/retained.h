/*
 * The memory that a loop leaves behind when it ends and the process goes on: it stays for as long as the program holds
 * requests that are in it. Any thread.
 */
#ifndef FORKER_RETAINED_H
#define FORKER_RETAINED_H

#include <stddef.h>
#include <stdint.h>

/* What munmap(2) takes; memory.Mapping of Go. */
typedef struct {
    uintptr_t address;
    uint64_t len;
} fk_mapping;

typedef struct fk_retained fk_retained;

/* Takes mappings over, with the caller as the first holder. NULL: no memory. */
fk_retained *fk_retained_new(const fk_mapping *mappings, size_t count);

/* Counts one holder more, or less: the last one has the memory unmapped. */
void fk_retained_hold(fk_retained *retained);
void fk_retained_release(fk_retained *retained);

#endif
