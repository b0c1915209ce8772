/* PEM texts. */
#include "setup/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/descriptor.h"

static const char too_large[] = "it has more than 1 MiB";

/* Room for `len` bytes and a NUL. */
static bool reserve(fk_pem *pem, size_t len)
{
    void *memory = mmap(NULL, len + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    (void)madvise(memory, len + 1, MADV_DONTDUMP);
    *pem = (fk_pem){.text = memory, .len = len};
    return true;
}

void fk_pem_free(fk_pem *pem)
{
    if (pem->text != NULL) {
        explicit_bzero(pem->text, pem->len);
        (void)munmap(pem->text, pem->len + 1);
    }
    *pem = (fk_pem){.text = NULL};
}

const char *fk_pem_copy(fk_pem *pem, const void *text, size_t len)
{
    if (len > FK_PEM_MOST) {
        return too_large;
    }
    if (!reserve(pem, len)) {
        return strerror(ENOMEM);
    }
    memcpy(pem->text, text, len);
    return NULL;
}

/* Reads to the end of a file, or until there is no more room. Returns how many bytes, or -1 with errno. */
static ssize_t read_all(int fd, char *text, size_t room)
{
    size_t len = 0;
    ssize_t got;
    do {
        got = read(fd, text + len, room - len);
        len += got > 0 ? (size_t)got : 0;
    } while (len < room && (got > 0 || (got < 0 && errno == EINTR)));
    return got < 0 ? -1 : (ssize_t)len;
}

static fk_stamp stamp_of(const struct stat *file)
{
    return (fk_stamp){file->st_ino, file->st_size, file->st_mtim};
}

static const char *read_open(fk_pem *pem, int fd)
{
    fk_pem room;
    struct stat file;
    if (fstat(fd, &file) != 0) {
        return strerror(errno);
    }
    if (!reserve(&room, FK_PEM_MOST + 1)) {
        return strerror(ENOMEM);
    }
    ssize_t len = read_all(fd, room.text, FK_PEM_MOST + 1);
    const char *wrong = len < 0 ? strerror(errno) : fk_pem_copy(pem, room.text, (size_t)len);
    fk_pem_free(&room);
    pem->stamp = stamp_of(&file); /* of before it was read: what changes meanwhile counts as changed */
    return wrong;
}

const char *fk_pem_read(fk_pem *pem, const char *path)
{
    int fd = fk_descriptor_raise(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (fd < 0) {
        return strerror(errno);
    }
    const char *wrong = read_open(pem, fd);
    (void)close(fd);
    return wrong;
}

bool fk_pem_has_changed(fk_pem *pem, const char *path)
{
    struct stat file;
    if (stat(path, &file) != 0) {
        return false;
    }
    fk_stamp before = pem->stamp, now = stamp_of(&file);
    pem->stamp = now;
    return before.inode != now.inode || before.size != now.size || before.modified.tv_sec != now.modified.tv_sec ||
           before.modified.tv_nsec != now.modified.tv_nsec;
}

const char *fk_pem_lacks_certificate(const fk_pem *pem)
{
    return strstr(pem->text, "-----BEGIN CERTIFICATE-----") != NULL
               ? NULL
               : "there is no certificate in it (PEM, \"-----BEGIN CERTIFICATE-----\")";
}

const char *fk_pem_lacks_key(const fk_pem *pem)
{
    if (strstr(pem->text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL ||
        strstr(pem->text, "\nProc-Type: 4,ENCRYPTED") != NULL) {
        return "the key is encrypted, and nobody is there to type a password";
    }
    return strstr(pem->text, "PRIVATE KEY-----") != NULL
               ? NULL
               : "there is no key in it (PEM, \"-----BEGIN PRIVATE KEY-----\")";
}
