/* Mappings with a count of holders. */
#include "estate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct fk_estate {
    uint32_t holders; /* atomic */
    size_t count;
    fk_mapping mappings[];
};

fk_estate *fk_estate_new(const fk_mapping *mappings, size_t count)
{
    fk_estate *estate = malloc(sizeof *estate + count * sizeof *mappings);
    if (estate == NULL) {
        return NULL;
    }
    estate->holders = 1;
    estate->count = count;
    if (count > 0) {
        memcpy(estate->mappings, mappings, count * sizeof *mappings);
    }
    return estate;
}

void fk_estate_hold(fk_estate *estate)
{
    __atomic_fetch_add(&estate->holders, 1, __ATOMIC_RELAXED);
}

void fk_estate_let_go(fk_estate *estate)
{
    /* Whoever unmaps comes after all that the others did to the memory. */
    if (__atomic_sub_fetch(&estate->holders, 1, __ATOMIC_ACQ_REL) > 0) {
        return;
    }
    for (size_t i = 0; i < estate->count; i++) {
        (void)munmap((void *)estate->mappings[i].address, (size_t)estate->mappings[i].len);
    }
    free(estate);
}
