/* Secrets, compared so that nothing can be learned of the time that takes. */
#include <string.h>

#include "base/object.h"
#include "forker.h"

int forker_same_secret(const char *given, size_t given_len, const char *secret)
{
    if (given == NULL || !fk_is_object(given, given_len) || secret == NULL) {
        return 0;
    }
    size_t len = strlen(secret);
    volatile unsigned char differs = (unsigned char)(len != given_len);
    for (size_t i = 0; i < given_len; i++) {
        differs = (unsigned char)(differs | (unsigned char)(given[i] ^ secret[i < len ? i : len]));
    }
    return differs == 0;
}
