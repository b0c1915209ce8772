/* What the parameters of an address say of TLS, and of who opens connections to it. */
#ifndef FORKER_SECURE_H
#define FORKER_SECURE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether clients have to show a certificate. */
enum { FK_CLIENT_CERT_OFF = 0, FK_CLIENT_CERT_OPTIONAL = 1, FK_CLIENT_CERT_REQUIRED = 2 };

/* That requests are served, or go to the first address that has TLS. */
enum { FK_REDIRECT_OFF = 0, FK_REDIRECT_ON = -1 };

typedef struct {
    bool on;
    uint8_t client_cert;    /* FK_CLIENT_CERT_* */
    bool proxied;           /* connections begin with a header of the PROXY protocol */
    int32_t redirect_https; /* the port to which requests are redirected, or FK_REDIRECT_* */
} fk_secure;

/*
 * Takes those parameters out of an address, "address?name=value&...". Returns NULL, or what is wrong
 * with them.
 */
const char *fk_secure_take(char *address, fk_secure *secure_out);

#endif
