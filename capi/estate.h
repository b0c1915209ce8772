/*
 * The memory that a loop leaves behind when it ends and the process goes on: it stays for as long as the program holds
 * requests that are in it. Any thread.
 */
#ifndef FORKER_ESTATE_H
#define FORKER_ESTATE_H

#include <stddef.h>
#include <stdint.h>

/* What munmap(2) takes; memory.Mapping of Go. */
typedef struct {
    uintptr_t address;
    uint64_t len;
} fk_mapping;

typedef struct fk_estate fk_estate;

/* Takes mappings over, with the caller as the first holder. NULL: no memory. */
fk_estate *fk_estate_new(const fk_mapping *mappings, size_t count);

/* Counts one holder more, or less: the last one has the memory unmapped. */
void fk_estate_hold(fk_estate *estate);
void fk_estate_let_go(fk_estate *estate);

#endif
