/* Descriptors that may not be there: -1. */
#ifndef FORKER_DESCRIPTOR_H
#define FORKER_DESCRIPTOR_H

#include <unistd.h>

/* Closes one, if it is there, and has it forgotten. */
static inline void fk_descriptor_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

#endif
