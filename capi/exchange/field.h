/* The fields that a program may send, and the lines that they become. */
#ifndef FORKER_FIELD_H
#define FORKER_FIELD_H

#include "exchange/block.h"

typedef struct {
    size_t name;
    size_t value;
} fk_field_size;

/* Why a field cannot be sent, for the sentence of a failure; NULL: it can, and *size_out is how long it is. */
const char *fk_field_fault(const char *name, const char *value, fk_field_size *size_out);

/* The same for a field that stands in a trailer section. */
const char *fk_field_trailer_fault(const char *name, const char *value, fk_field_size *size_out);

/* Why a value is none of Content-Type or the like; NULL: it is one, of so many bytes. */
const char *fk_field_value_fault(const char *value, size_t *len_out);

/* Appends "name: value\r\n" of a field that is checked. Returns FORKER_OK, FORKER_E_LIMIT, FORKER_E_MEMORY. */
int fk_field_append(fk_block *lines, const char *name, const char *value, fk_field_size size);

/* Why fk_field_append() has returned a code, for the sentence. */
const char *fk_field_append_fault(int code);

/* Removes the lines of fields with that name. */
void fk_field_remove(fk_block *lines, const char *name);

#endif
