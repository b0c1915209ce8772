/*
 * Descriptors of the library: how they get their numbers.
 *
 * Invariant: the library's own are above 2, always. A program may be started with 0, 1 and 2 closed, and close or
 * replace them at any time, as daemons do: a socket of ours that had got one of these numbers would be gone, or would
 * be written to by whoever prints something.
 */
#ifndef FORKER_DESCRIPTOR_H
#define FORKER_DESCRIPTOR_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

enum { FK_DESCRIPTOR_LEAST = 3 };

/*
 * Takes what a system call has returned, a new descriptor or -1: moves the descriptor above 2, if it is not there.
 * Returns it, or -1 with errno. It is closed on exec.
 */
static inline int fk_descriptor_raise(int fd)
{
    if (fd < 0 || fd >= FK_DESCRIPTOR_LEAST) {
        return fd;
    }
    int raised = fcntl(fd, F_DUPFD_CLOEXEC, FK_DESCRIPTOR_LEAST);
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return raised;
}

/* The same for two, as of pipe2(2), if the call has `made` them. On failure both are closed. */
bool fk_descriptor_raise_pair(bool made, int ends[2]);

/* Which of 0, 1 and 2 are held, so that nothing gets these numbers. */
typedef struct {
    int holders; /* as bits */
    unsigned long long inode;
} fk_descriptor_hold;

/*
 * Takes those of 0, 1 and 2 that are closed, while code runs that cannot move its descriptors: the Go runtime has some
 * of its own. Released, they are closed again, unless the program has put something else there meanwhile.
 */
fk_descriptor_hold fk_descriptor_hold_low(void);
void fk_descriptor_release_low(fk_descriptor_hold held);

/* Closes one, if it is there, and has it forgotten: -1 is none. */
static inline void fk_descriptor_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

#endif
