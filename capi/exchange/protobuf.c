/* Messages of protobuf: fields, read one by one and written behind one another. */
#include "exchange/protobuf.h"

enum { VARINT_MOST = 10, MOST_NUMBER = (1 << 29) - 1 };

fk_proto_reader fk_proto_read(const void *message, size_t len)
{
    const uint8_t *start = len > 0 ? message : (const uint8_t *)"";
    return (fk_proto_reader){start, start + len};
}

static bool take_varint(fk_proto_reader *reader, uint64_t *value_out)
{
    *value_out = 0;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        uint8_t byte = *reader->at++;
        *value_out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

int fk_proto_next(fk_proto_reader *reader, fk_proto_field *field_out)
{
    uint64_t tag, size = 0;
    if (reader->at == reader->end) {
        return 0;
    }
    *field_out = (fk_proto_field){0};
    if (!take_varint(reader, &tag) || tag >> 3 == 0 || tag >> 3 > MOST_NUMBER) {
        return -1;
    }
    field_out->number = tag >> 3;
    field_out->type = (unsigned)tag & 7;
    switch (field_out->type) {
    case FK_PROTO_VARINT:
        return take_varint(reader, &field_out->value) ? 1 : -1;
    case FK_PROTO_FIXED64:
        size = 8;
        break;
    case FK_PROTO_FIXED32:
        size = 4;
        break;
    case FK_PROTO_BYTES:
        if (take_varint(reader, &size)) {
            break;
        }
        return -1;
    default:
        return -1;
    }
    if (size > (uint64_t)(reader->end - reader->at)) {
        return -1;
    }
    field_out->data = (const char *)reader->at;
    field_out->len = (size_t)size;
    reader->at += size;
    return 1;
}

bool fk_proto_is_message(const void *message, size_t len)
{
    fk_proto_reader reader = fk_proto_read(message, len);
    fk_proto_field field;
    int found;
    do {
        found = fk_proto_next(&reader, &field);
    } while (found > 0);
    return found == 0;
}

static size_t write_varint(uint8_t *out, uint64_t value)
{
    size_t len = 0;
    for (; value > 0x7f; value >>= 7) {
        out[len++] = (uint8_t)(value | 0x80);
    }
    out[len++] = (uint8_t)value;
    return len;
}

static bool put_pair(fk_block *out, uint64_t tag, uint64_t value)
{
    uint8_t bytes[2 * VARINT_MOST];
    size_t len = write_varint(bytes, tag);
    len += write_varint(bytes + len, value);
    return fk_block_append(out, bytes, len);
}

bool fk_proto_put_number(fk_block *out, uint64_t number, uint64_t value)
{
    return put_pair(out, number << 3 | FK_PROTO_VARINT, value);
}

bool fk_proto_put_head(fk_block *out, uint64_t number, size_t len)
{
    return put_pair(out, number << 3 | FK_PROTO_BYTES, len);
}

bool fk_proto_put_bytes(fk_block *out, uint64_t number, const void *data, size_t len)
{
    return fk_proto_put_head(out, number, len) && fk_block_append(out, data, len);
}

size_t fk_proto_size(uint64_t number, size_t len)
{
    uint8_t bytes[VARINT_MOST];
    return write_varint(bytes, number << 3) + write_varint(bytes, len) + len;
}
