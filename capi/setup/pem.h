/*
 * PEM texts: certificates and keys. Their memory is not in core dumps, and wiped before it is given back. What is in
 * them is not looked at here but for the lines that begin something: parsing is for Go, in a process of its own
 * (inspection.h).
 */
#ifndef FORKER_PEM_H
#define FORKER_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

enum { FK_PEM_MOST = 1024 * 1024 };

/* What tells a file from what it was. */
typedef struct {
    ino_t inode;
    off_t size;
    struct timespec modified;
} fk_stamp;

typedef struct {
    char *text; /* NUL-terminated; NULL: none */
    size_t len;
    fk_stamp stamp; /* of the file that it is from, when it was read */
} fk_pem;

/* Returns NULL, or why the file cannot be read. */
const char *fk_pem_read(fk_pem *pem, const char *path);

/* The same for a copy of memory. */
const char *fk_pem_copy(fk_pem *pem, const void *text, size_t len);

/* Whether the file is another one since it was read, or since this was asked last. One that is not there is as before. */
bool fk_pem_has_changed(fk_pem *pem, const char *path);

/* Whether it has a certificate, or a key; NULL, or why not. */
const char *fk_pem_lacks_certificate(const fk_pem *pem);
const char *fk_pem_lacks_key(const fk_pem *pem);

void fk_pem_free(fk_pem *pem);

#endif
