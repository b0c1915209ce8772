/* Networks, as option trusted_proxies lists them. */
#include "setup/network.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

/* The bits of an address; 0: it is none. */
static uint64_t bits_of(const char *address)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, address, bytes) == 1) {
        return 32;
    }
    return inet_pton(AF_INET6, address, bytes) == 1 ? 128 : 0;
}

static bool is_network(char *item)
{
    uint64_t bits = 0;
    char *slash = strchr(item, '/');
    if (strcmp(item, "unix") == 0) {
        return true;
    }
    if (slash == NULL) {
        return bits_of(item) > 0;
    }
    *slash = '\0';
    const char *number = slash + 1;
    uint64_t most = bits_of(item);
    return most > 0 && (number[0] != '0' || number[1] == '\0') && fk_ascii_number(number, most, &bits);
}

bool fk_networks_are(const char *text)
{
    char item[INET6_ADDRSTRLEN + sizeof "/128"];
    for (text += strspn(text, ", "); *text != '\0'; text += strspn(text, ", ")) {
        size_t len = strcspn(text, ", ");
        if (len >= sizeof item) {
            return false;
        }
        (void)snprintf(item, sizeof item, "%.*s", (int)len, text);
        if (!is_network(item)) {
            return false;
        }
        text += len;
    }
    return true;
}
