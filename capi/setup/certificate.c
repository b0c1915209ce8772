/* The certificates of a server, and the CAs of its clients. */
#include "setup/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "setup/config.h"
#include "setup/listener.h"
#include "setup/setup.h"

static void free_one(fk_certificate *certificate)
{
    free(certificate->name);
    free(certificate->chain_path);
    free(certificate->key_path);
    free(certificate->ocsp_path);
    fk_pem_free(&certificate->chain);
    fk_pem_free(&certificate->key);
    fk_pem_free(&certificate->ocsp);
}

void fk_certificates_free(fk_certificates *certificates)
{
    if (certificates == NULL) {
        return;
    }
    for (uint32_t i = 0; i < certificates->count; i++) {
        free_one(&certificates->items[i]);
    }
    free(certificates->ca_path);
    fk_pem_free(&certificates->ca);
    free(certificates);
}

int fk_certificates_refuse(forker_server *server, const char *sentence)
{
    return fk_server_fail(server, FORKER_E_CERTIFICATE, "%s: %s", server->run.verb, sentence);
}

void fk_certificates_wipe(forker_server *server)
{
    fk_certificates *certificates = server->tls.certificates;
    for (uint32_t i = 0; certificates != NULL && i < certificates->count; i++) {
        fk_pem_free(&certificates->items[i].key);
        fk_pem_free(&certificates->items[i].chain);
    }
}

/* Remembers what is wrong with a file or a text. */
static int refuse(forker_server *server, const char *what, const char *name, const char *wrong)
{
    return fk_server_fail(server, FORKER_E_CERTIFICATE, "%s %s: %s", what, name, wrong);
}

/* Looks at a chain and its key, as far as that is possible here. */
static int look_at(forker_server *server, const fk_certificate *certificate)
{
    const char *wrong = fk_pem_lacks_certificate(&certificate->chain);
    if (wrong != NULL) {
        return refuse(server, "certificate", certificate->name, wrong);
    }
    wrong = fk_pem_lacks_key(&certificate->key);
    return wrong == NULL ? FORKER_OK
                         : refuse(server, "key",
                                  certificate->key_path != NULL ? certificate->key_path : certificate->name, wrong);
}

static int read_files(forker_server *server, fk_certificate *certificate)
{
    const char *wrong = fk_pem_read(&certificate->chain, certificate->chain_path);
    if (wrong != NULL) {
        return refuse(server, "certificate", certificate->chain_path, wrong);
    }
    wrong = fk_pem_read(&certificate->key, certificate->key_path);
    return wrong == NULL ? look_at(server, certificate) : refuse(server, "key", certificate->key_path, wrong);
}

static int read_ocsp(forker_server *server, fk_certificate *certificate)
{
    const char *wrong = fk_pem_read(&certificate->ocsp, certificate->ocsp_path);
    return wrong == NULL ? FORKER_OK : refuse(server, "OCSP response", certificate->ocsp_path, wrong);
}

static int read_ca(forker_server *server, fk_certificates *certificates)
{
    const char *wrong = fk_pem_read(&certificates->ca, certificates->ca_path);
    if (wrong == NULL) {
        wrong = fk_pem_lacks_certificate(&certificates->ca);
    }
    return wrong == NULL ? FORKER_OK : refuse(server, "client CA", certificates->ca_path, wrong);
}

/* The server's certificates, made if there are none. NULL: out of memory. */
static fk_certificates *certificates_of(forker_server *server)
{
    if (server->tls.certificates == NULL) {
        server->tls.certificates = calloc(1, sizeof *server->tls.certificates);
    }
    return server->tls.certificates;
}

/* Remembers that a setup call has failed, whose sentence is there. */
static int fail_setup(forker_server *server, int code)
{
    return code == FORKER_OK ? code : fk_setup_fail(server, code, NULL);
}

/* The next place in the list; NULL with a sentence and a code. */
static fk_certificate *next_place(forker_server *server, int *code_out)
{
    fk_certificates *certificates = certificates_of(server);
    if (certificates == NULL) {
        *code_out = fk_server_fail(server, FORKER_E_MEMORY, "certificate: out of memory");
        return NULL;
    }
    if (certificates->count == FK_CERTIFICATES_MAX) {
        *code_out = fk_server_fail(server, FORKER_E_LIMIT, "certificate: more than %d", FK_CERTIFICATES_MAX);
        return NULL;
    }
    return &certificates->items[certificates->count];
}

/* Takes in what stands in the next place, unless that has failed. */
static int take_in(forker_server *server, fk_certificate *certificate, int code)
{
    if (code == FORKER_OK) {
        server->tls.certificates->count++;
        return code;
    }
    free_one(certificate);
    *certificate = (fk_certificate){0};
    return fail_setup(server, code);
}

int forker_server_certificate(forker_server *server, const char *chain_path, const char *key_path)
{
    int code = fk_setup_refuses(server);
    if (code != FORKER_OK) {
        return code;
    }
    if (chain_path == NULL || key_path == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "certificate: a path is NULL");
    }
    fk_certificate *next = next_place(server, &code);
    if (next == NULL) {
        return fail_setup(server, code);
    }
    next->name = strdup(chain_path);
    next->chain_path = fk_config_absolute(chain_path);
    next->key_path = fk_config_absolute(key_path);
    if (next->name == NULL || next->chain_path == NULL || next->key_path == NULL) {
        return take_in(server, next, fk_server_fail(server, FORKER_E_MEMORY, "certificate: out of memory"));
    }
    return take_in(server, next, read_files(server, next));
}

/* Copies the texts. */
static int copy_texts(forker_server *server, fk_certificate *certificate, const fk_pem *chain, const fk_pem *key)
{
    const char *wrong = fk_pem_copy(&certificate->chain, chain->text, chain->len);
    if (wrong == NULL) {
        wrong = fk_pem_copy(&certificate->key, key->text, key->len);
    }
    return wrong == NULL ? look_at(server, certificate) : refuse(server, "certificate", certificate->name, wrong);
}

/* Two texts with their lengths. NOLINTNEXTLINE(readability-function-size) */
int forker_server_certificate_pem(forker_server *server, const char *name, const void *chain, size_t chain_len,
                                  const void *key, size_t key_len)
{
    int code = fk_setup_refuses(server);
    if (code != FORKER_OK) {
        return code;
    }
    if (name == NULL || chain == NULL || key == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "certificate: name, chain or key is NULL");
    }
    fk_certificate *next = next_place(server, &code);
    if (next == NULL) {
        return fail_setup(server, code);
    }
    next->name = strdup(name);
    if (next->name == NULL) {
        return take_in(server, next, fk_server_fail(server, FORKER_E_MEMORY, "certificate: out of memory"));
    }
    fk_pem chain_text = {.text = (char *)(uintptr_t)chain, .len = chain_len};
    fk_pem key_text = {.text = (char *)(uintptr_t)key, .len = key_len};
    return take_in(server, next, copy_texts(server, next, &chain_text, &key_text));
}

/* The latest certificate of that name; NULL: there is none. */
static fk_certificate *find(fk_certificates *certificates, const char *name)
{
    for (uint32_t i = certificates != NULL ? certificates->count : 0; i > 0; i--) {
        if (strcmp(certificates->items[i - 1].name, name) == 0) {
            return &certificates->items[i - 1];
        }
    }
    return NULL;
}

int forker_server_certificate_ocsp(forker_server *server, const char *name, const char *path)
{
    int code = fk_setup_refuses(server);
    if (code != FORKER_OK) {
        return code;
    }
    if (name == NULL || path == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "OCSP response: name or path is NULL");
    }
    fk_certificate *certificate = find(server->tls.certificates, name);
    if (certificate == NULL || certificate->ocsp_path != NULL) {
        return fk_setup_fail(server, certificate == NULL ? FORKER_E_INVALID : FORKER_E_STATE,
                             "OCSP response %s: certificate %s %s", path, name,
                             certificate == NULL ? "is not there; give it first" : "has one already");
    }
    certificate->ocsp_path = fk_config_absolute(path);
    if (certificate->ocsp_path == NULL) {
        return fk_setup_fail(server, FORKER_E_MEMORY, "OCSP response %s: out of memory", path);
    }
    code = read_ocsp(server, certificate);
    if (code != FORKER_OK) {
        free(certificate->ocsp_path);
        certificate->ocsp_path = NULL;
    }
    return fail_setup(server, code);
}

int forker_server_client_ca(forker_server *server, const char *path)
{
    int code = fk_setup_refuses(server);
    if (code != FORKER_OK) {
        return code;
    }
    if (path == NULL) {
        return fk_setup_fail(server, FORKER_E_INVALID, "client CA: the path is NULL");
    }
    fk_certificates *certificates = certificates_of(server);
    if (certificates != NULL && certificates->ca_path != NULL) {
        return fk_setup_fail(server, FORKER_E_STATE, "client CA %s: %s is set already", path, certificates->ca_path);
    }
    char *whole = fk_config_absolute(path);
    if (certificates == NULL || whole == NULL) {
        free(whole);
        return fk_setup_fail(server, FORKER_E_MEMORY, "client CA %s: out of memory", path);
    }
    certificates->ca_path = whole;
    code = read_ca(server, certificates);
    if (code != FORKER_OK) {
        free(whole);
        certificates->ca_path = NULL;
        fk_pem_free(&certificates->ca);
    }
    return fail_setup(server, code);
}

bool fk_certificates_are_used(const forker_server *server)
{
    for (uint32_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].tls.on) {
            return true;
        }
    }
    return false;
}

int fk_certificates_check(forker_server *server)
{
    const fk_certificates *certificates = server->tls.certificates;
    for (uint32_t i = 0; i < server->listener_count; i++) {
        const fk_listener *listener = &server->listeners[i];
        if (listener->tls.on && (certificates == NULL || certificates->count == 0)) {
            return fk_server_fail(server, FORKER_E_STATE,
                                  "%s: %s has TLS, and there is no certificate; call forker_server_certificate first",
                                  server->run.verb, listener->source);
        }
        if (listener->tls.redirect_https == FK_REDIRECT_ON && fk_listener_redirect(server, listener) == 0) {
            return fk_server_fail(server, FORKER_E_STATE,
                                  "%s: %s redirects to HTTPS, and no address with tls=on has a port; listen on one, or "
                                  "name the port that clients see, as in redirect_https=443",
                                  server->run.verb, listener->source);
        }
        if (listener->tls.client_cert != FK_CLIENT_CERT_OFF && certificates->ca_path == NULL) {
            return fk_server_fail(
                server, FORKER_E_STATE,
                "%s: %s asks for certificates of clients, and nobody can sign them; call forker_server_client_ca first",
                server->run.verb, listener->source);
        }
    }
    return FORKER_OK;
}

/* Each number is written whole; the master reads them for people, and may see those of two certificates once. */
void fk_certificates_publish(forker_server *server)
{
    const fk_certificates *certificates = server->tls.certificates;
    for (uint32_t i = 0; certificates != NULL && i < certificates->count; i++) {
        fk_validity *validity = &server->tree.shared->validities[i];
        __atomic_store_n(&validity->not_before, certificates->items[i].validity.not_before, __ATOMIC_RELAXED);
        __atomic_store_n(&validity->not_after, certificates->items[i].validity.not_after, __ATOMIC_RELAXED);
    }
}

/* Duplicates a text that may be NULL. */
static bool copy_name(char **copy, const char *text)
{
    *copy = text != NULL ? strdup(text) : NULL;
    return (*copy == NULL) == (text == NULL);
}

/* Reads one again; one from memory stays as it is. */
static int renew_one(forker_server *server, fk_certificate *fresh, const fk_certificate *old)
{
    if (!copy_name(&fresh->name, old->name) || !copy_name(&fresh->chain_path, old->chain_path) ||
        !copy_name(&fresh->key_path, old->key_path) || !copy_name(&fresh->ocsp_path, old->ocsp_path)) {
        return fk_server_fail(server, FORKER_E_MEMORY, "certificate %s: out of memory", old->name);
    }
    int code =
        fresh->chain_path != NULL ? read_files(server, fresh) : copy_texts(server, fresh, &old->chain, &old->key);
    return code == FORKER_OK && fresh->ocsp_path != NULL ? read_ocsp(server, fresh) : code;
}

static int renew_all(forker_server *server, fk_certificates *fresh, const fk_certificates *old)
{
    int code = FORKER_OK;
    for (uint32_t i = 0; i < old->count && code == FORKER_OK; i++) {
        fresh->count++;
        code = renew_one(server, &fresh->items[i], &old->items[i]);
    }
    if (code == FORKER_OK && !copy_name(&fresh->ca_path, old->ca_path)) {
        code = fk_server_fail(server, FORKER_E_MEMORY, "client CA %s: out of memory", old->ca_path);
    }
    return code == FORKER_OK && fresh->ca_path != NULL ? read_ca(server, fresh) : code;
}

bool fk_certificates_renew(forker_server *server, fk_certificates **before_out)
{
    *before_out = server->tls.certificates;
    if (server->tls.certificates == NULL) {
        return true;
    }
    fk_certificates *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) {
        fk_server_fail(server, FORKER_E_MEMORY, "certificates: out of memory");
        return false;
    }
    if (renew_all(server, fresh, server->tls.certificates) != FORKER_OK) {
        fk_certificates_free(fresh);
        return false;
    }
    server->tls.certificates = fresh;
    return true;
}

void fk_certificates_restore(forker_server *server, fk_certificates *before)
{
    if (server->tls.certificates != before) {
        fk_certificates_free(server->tls.certificates);
        server->tls.certificates = before;
    }
}

/* Looks at all files, so that each change is seen once. */
static bool have_changed(fk_certificates *certificates)
{
    bool changed = certificates->ca_path != NULL && fk_pem_has_changed(&certificates->ca, certificates->ca_path);
    for (uint32_t i = 0; i < certificates->count; i++) {
        fk_certificate *certificate = &certificates->items[i];
        if (certificate->chain_path != NULL) {
            changed = fk_pem_has_changed(&certificate->chain, certificate->chain_path) || changed;
            changed = fk_pem_has_changed(&certificate->key, certificate->key_path) || changed;
        }
        if (certificate->ocsp_path != NULL) {
            changed = fk_pem_has_changed(&certificate->ocsp, certificate->ocsp_path) || changed;
        }
    }
    return changed;
}

bool fk_certificates_have_changed(forker_server *server, uint64_t now_ns, uint64_t *next_ns_out)
{
    fk_certificates *certificates = server->tls.certificates;
    int64_t period_ns = fk_server_option(server, FK_OPTION_TLS_WATCH);
    *next_ns_out = UINT64_MAX;
    if (certificates == NULL || period_ns < 0) {
        return false;
    }
    bool first = certificates->look_ns == 0;
    bool due = first || now_ns >= certificates->look_ns;
    if (due) {
        certificates->look_ns = now_ns + (uint64_t)period_ns;
    }
    *next_ns_out = certificates->look_ns;
    return due && !first && have_changed(certificates);
}
