/*
 * Descriptors of protobuf: what the messages and services of a program look like, as it has them of protoc. They are looked at once,
 * when the program gives them: what is missing or malformed is said there, and finding a name later is a search in a sorted table.
 */
#ifndef FORKER_DESCRIPTORS_H
#define FORKER_DESCRIPTORS_H

#include "exchange/protobuf.h"

/* A file, as a FileDescriptorProto. */
typedef struct {
    const char *data;
    size_t len;
    const char *name;
    size_t name_len;
    uint32_t first_import; /* place in fk_descriptors.imports */
    uint32_t imports;
} fk_described;

/* Something that a file declares. */
typedef struct {
    size_t name; /* place in fk_descriptors.names */
    uint32_t len;
    uint32_t file;
    uint64_t number; /* of an extension; then the name is that of what it extends */
} fk_symbol;

/* All of a server. Once it runs they do not change. */
typedef struct fk_descriptors {
    fk_block sets;       /* char *: copies of what the program gave */
    fk_block files;      /* fk_described */
    fk_block imports;    /* uint32_t: places in files */
    fk_block names;      /* of symbols and extensions, one behind another */
    fk_block symbols;    /* fk_symbol, sorted by name */
    fk_block extensions; /* fk_symbol, sorted by name and number */
} fk_descriptors;

enum { FK_NO_FILE = -1 };

static inline uint32_t fk_descriptors_files(const fk_descriptors *all)
{
    return (uint32_t)(all->files.len / sizeof(fk_described));
}

static inline const fk_described *fk_descriptors_file(const fk_descriptors *all, uint32_t place)
{
    return (const fk_described *)(const void *)all->files.data + place;
}

/* The place of a file, FK_NO_FILE if there is none: by its name, by what it declares, or by an extension of a message. */
int64_t fk_descriptors_find_file(const fk_descriptors *all, const char *name, size_t len);
int64_t fk_descriptors_find_symbol(const fk_descriptors *all, const char *name, size_t len);
int64_t fk_descriptors_find_extension(const fk_descriptors *all, const char *name, size_t len, uint64_t number);

/* The extensions of a message, `*count_out` of them. */
const fk_symbol *fk_descriptors_extensions(const fk_descriptors *all, const char *name, size_t len, size_t *count_out);

/* Releases what a server has of them. */
void fk_descriptors_free(forker_server *server);

#endif
