/*
 * Text in log lines is what clients have sent, among others. Control characters could break a line or steer a terminal:
 * those of ISO 6429 have one byte in ASCII and in Latin-1, and two in UTF-8 (U+0080 to U+009F). Marks and overrides of
 * the direction of writing (Unicode Standard Annex 9) make a line look like another one.
 */
#include "log/printable.h"

#include <stdint.h>
#include <string.h>

/* How many bytes the UTF-8 character has that starts with `first`; 0 if none does (RFC 3629 section 4). */
static size_t sequence_length(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Decodes a character of `len` bytes. false: they are not one, or more than it needs. */
static bool decode(const unsigned char *bytes, size_t len, uint32_t *character_out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t character = len == 1 ? bytes[0] : bytes[0] & (0x7fU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return false;
        }
        character = character << 6 | (bytes[i] & 0x3fU);
    }
    *character_out = character;
    return character >= least[len] && character <= 0x10ffff && !(character >= 0xd800 && character <= 0xdfff);
}

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x2028 || character == 0x2029;
}

static bool is_direction(uint32_t character)
{
    return character == 0x061c || character == 0x200e || character == 0x200f ||
           (character >= 0x202a && character <= 0x202e) || (character >= 0x2066 && character <= 0x2069);
}

bool fk_printable(const char *bytes, size_t len, size_t *taken_out)
{
    uint32_t character;
    unsigned char sequence[4];
    size_t taken = sequence_length((unsigned char)bytes[0]);
    *taken_out = 1;
    if (taken == 0 || taken > len) {
        return false;
    }
    memcpy(sequence, bytes, taken);
    if (!decode(sequence, taken, &character)) {
        return false;
    }
    *taken_out = taken;
    return !is_control(character) && !is_direction(character);
}
