/* What the parameters of an address say of TLS. */
#include "secure.h"

#include <string.h>

static const char *const switches[] = {"off", "on", NULL};
static const char *const client_certs[] = {"off", "optional", "required", NULL};

/* The place of a word in a list; -1: it is not there. */
static int place_of(const char *word, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(word, words[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* Reads one parameter. false: it is not about TLS. */
static bool read_parameter(const char *parameter, fk_secure *secure, const char **wrong)
{
    if (strncmp(parameter, "tls=", 4) == 0) {
        int place = place_of(parameter + 4, switches);
        *wrong = place < 0 ? "tls= is on or off" : *wrong;
        secure->on = place > 0;
        return true;
    }
    if (strncmp(parameter, "client_cert=", 12) == 0) {
        int place = place_of(parameter + 12, client_certs);
        *wrong = place < 0 ? "client_cert= is off, optional or required" : *wrong;
        secure->client_cert = place > 0 ? (uint8_t)place : FK_CLIENT_CERT_OFF;
        return true;
    }
    return false;
}

const char *fk_secure_take(char *address, fk_secure *secure_out)
{
    const char *wrong = NULL;
    *secure_out = (fk_secure){false, FK_CLIENT_CERT_OFF};
    char *end = strchr(address, '?'); /* of what stays */
    if (end == NULL) {
        return NULL;
    }
    char joint = '?';
    for (char *rest = end + 1, *parameter; (parameter = strsep(&rest, "&")) != NULL;) {
        if (!read_parameter(parameter, secure_out, &wrong)) {
            size_t len = strlen(parameter);
            *end = joint;
            memmove(end + 1, parameter, len);
            end += len + 1;
            joint = '&';
        }
    }
    *end = '\0';
    if (wrong == NULL && secure_out->client_cert != FK_CLIENT_CERT_OFF && !secure_out->on) {
        wrong = "client_cert= is for addresses with tls=on";
    }
    return wrong;
}
