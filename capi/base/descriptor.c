/* Descriptors. */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool fk_descriptor_raise_pair(bool made, int ends[2])
{
    if (!made) {
        return false;
    }
    ends[0] = fk_descriptor_raise(ends[0]);
    ends[1] = fk_descriptor_raise(ends[1]);
    if (ends[0] >= 0 && ends[1] >= 0) {
        return true;
    }
    int reason = errno;
    fk_descriptor_close(&ends[0]);
    fk_descriptor_close(&ends[1]);
    errno = reason;
    return false;
}

static unsigned long long inode_of(int fd)
{
    struct stat file;
    return fstat(fd, &file) == 0 ? file.st_ino : 0;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/*
 * What holds them is an empty memory file: it needs no path, which is not there under chroot(2), no other descriptor is
 * one of the same inode, and what is printed meanwhile is lost as before.
 */
fk_descriptor_hold fk_descriptor_hold_low(void)
{
    fk_descriptor_hold held = {0};
    if (is_open(STDIN_FILENO) && is_open(STDOUT_FILENO) && is_open(STDERR_FILENO)) {
        return held;
    }
    int fd = memfd_create("forker-hold", MFD_CLOEXEC); /* gets the lowest number */
    if (fd < 0) {
        return held;
    }
    held.inode = inode_of(fd);
    while (fd >= 0 && fd < FK_DESCRIPTOR_LEAST) {
        held.holders |= 1 << fd;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    }
    fk_descriptor_close(&fd);
    return held;
}

void fk_descriptor_release_low(fk_descriptor_hold held)
{
    for (int fd = 0; fd < FK_DESCRIPTOR_LEAST; fd++) {
        if ((held.holders & 1 << fd) != 0 && inode_of(fd) == held.inode) {
            (void)close(fd);
        }
    }
}
