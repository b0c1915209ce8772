/* What the parameters of an address say of TLS, and of who opens connections to it. */
#include "base/secure.h"

#include <string.h>

#include "base/ascii.h"

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

/* Returns what is wrong with what redirect_https= is set to; NULL: nothing. */
static const char *read_redirect(const char *text, int32_t *redirect_out)
{
    uint64_t port;
    int place = place_of(text, switches);
    if (place >= 0) {
        *redirect_out = place > 0 ? FK_REDIRECT_ON : FK_REDIRECT_OFF;
        return NULL;
    }
    if (!fk_ascii_number(text, 65535, &port) || port == 0) {
        return "redirect_https= is on, off or the port of HTTPS that clients see";
    }
    *redirect_out = (int32_t)port;
    return NULL;
}

/* Reads one parameter. false: it is another. */
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
    if (strncmp(parameter, "redirect_https=", 15) == 0) {
        const char *fault = read_redirect(parameter + 15, &secure->redirect_https);
        *wrong = fault != NULL ? fault : *wrong;
        return true;
    }
    if (strncmp(parameter, "proxy=", 6) == 0) {
        int place = place_of(parameter + 6, switches);
        *wrong = place < 0 ? "proxy= is on or off" : *wrong;
        secure->proxied = place > 0;
        return true;
    }
    return false;
}

const char *fk_secure_take(char *address, fk_secure *secure_out)
{
    const char *wrong = NULL;
    *secure_out = (fk_secure){false, FK_CLIENT_CERT_OFF, false, FK_REDIRECT_OFF};
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
    if (wrong == NULL && secure_out->redirect_https != FK_REDIRECT_OFF && secure_out->on) {
        wrong = "redirect_https= is for addresses without tls=on";
    }
    return wrong;
}
