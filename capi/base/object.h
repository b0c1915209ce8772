/* Memory of the program, as far as can be told whether there is such memory: lengths that were computed wrong are refused, not used. */
#ifndef FORKER_OBJECT_H
#define FORKER_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any struct of the API will ever have, of this version or a later one. */
enum { FK_STRUCT_MOST = 64 << 10 };

/*
 * Whether the program can have `len` bytes at `data`: no object is larger than PTRDIFF_MAX, and none goes around the end
 * of the address space. A length that was computed as a negative number is neither.
 */
static inline bool fk_is_object(const void *data, size_t len)
{
    return len == 0 || (data != NULL && len <= (size_t)PTRDIFF_MAX && (uintptr_t)data <= UINTPTR_MAX - len);
}

/* The same of an array of pointers. */
static inline bool fk_is_array(const void *data, size_t count)
{
    return count <= SIZE_MAX / sizeof(void *) && fk_is_object(data, count * sizeof(void *));
}

/* Whether a struct that begins with its size says one that can be true. */
static inline bool fk_is_struct(const uint32_t *size)
{
    return *size >= sizeof *size && *size <= FK_STRUCT_MOST;
}

#endif
