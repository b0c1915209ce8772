/* Mappings with a count of holders. */
#include "exchange/retained.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct fk_retained {
    uint32_t holders; /* atomic */
    size_t count;
    fk_mapping mappings[];
};

fk_retained *fk_retained_new(const fk_mapping *mappings, size_t count)
{
    fk_retained *retained = malloc(sizeof *retained + count * sizeof *mappings);
    if (retained == NULL) {
        return NULL;
    }
    retained->holders = 1;
    retained->count = count;
    if (count > 0) {
        memcpy(retained->mappings, mappings, count * sizeof *mappings);
    }
    return retained;
}

void fk_retained_hold(fk_retained *retained)
{
    __atomic_fetch_add(&retained->holders, 1, __ATOMIC_RELAXED);
}

void fk_retained_release(fk_retained *retained)
{
    /* Whoever unmaps comes after all that the others did to the memory. */
    if (__atomic_sub_fetch(&retained->holders, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    for (size_t i = 0; i < retained->count; i++) {
        (void)munmap((void *)retained->mappings[i].address, (size_t)retained->mappings[i].len);
    }
    free(retained);
}
