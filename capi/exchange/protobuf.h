/*
 * Messages of protobuf, as far as the library has some of its own: those of the health service and of reflection, and the descriptors
 * that reflection tells of. They are read field by field and written behind one another; nothing is generated.
 *
 * This is the only place that knows how fields are encoded. It is in C because descriptors are looked at while a program sets its
 * server up, when there is no Go.
 */
#ifndef FORKER_PROTOBUF_H
#define FORKER_PROTOBUF_H

#include "exchange/block.h"

/* How a field is encoded. Groups are of proto2, and in none of these messages. */
enum { FK_PROTO_VARINT = 0, FK_PROTO_FIXED64 = 1, FK_PROTO_BYTES = 2, FK_PROTO_FIXED32 = 5 };

/* Bytes that fields are read from. */
typedef struct {
    const uint8_t *at, *end;
} fk_proto_reader;

typedef struct {
    uint64_t number;
    unsigned type;
    uint64_t value;   /* of FK_PROTO_VARINT */
    const char *data; /* of FK_PROTO_BYTES, in the bytes that are read */
    size_t len;
} fk_proto_field;

fk_proto_reader fk_proto_read(const void *message, size_t len);

/* Reads the next field. Returns 1; 0: there is none left; -1: what follows is no field. */
int fk_proto_next(fk_proto_reader *reader, fk_proto_field *field_out);

/* Whether a field is this one, and has bytes: it is a string, bytes or a message. */
static inline bool fk_proto_has_bytes(const fk_proto_field *field, uint64_t number)
{
    return field->number == number && field->type == FK_PROTO_BYTES;
}

/* Whether the bytes are a message: fields from the first to the last byte. */
bool fk_proto_is_message(const void *message, size_t len);

/* Append a field. false: out of memory, and `out` has a part of it. */
bool fk_proto_put_number(fk_block *out, uint64_t number, uint64_t value);
bool fk_proto_put_bytes(fk_block *out, uint64_t number, const void *data, size_t len);

/* Appends the head of a field of `len` bytes, which the caller appends. */
bool fk_proto_put_head(fk_block *out, uint64_t number, size_t len);

/* How many bytes a field of `len` bytes has, with its head. */
size_t fk_proto_size(uint64_t number, size_t len);

#endif
