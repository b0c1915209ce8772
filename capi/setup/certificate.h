/*
 * The certificates of a server, and the CAs of its clients: their files, and what was in them. They are read by the
 * process that made the server, which may be root and is outside of any chroot; again at each reload.
 */
#ifndef FORKER_CERTIFICATE_H
#define FORKER_CERTIFICATE_H

#include <stdint.h>

#include "base/server.h"
#include "setup/pem.h"

typedef struct {
    char *name;       /* for sentences: the path of the chain, or what the program calls it */
    char *chain_path; /* absolute; NULL: from memory */
    char *key_path;
    fk_pem chain;
    fk_pem key;
    char *ocsp_path;      /* NULL: none */
    fk_pem ocsp;          /* an OCSP response, which is DER */
    fk_validity validity; /* of the first certificate of the chain, once it was parsed */
} fk_certificate;

typedef struct fk_certificates {
    fk_certificate items[FK_CERTIFICATES_MAX];
    uint32_t count;
    char *ca_path; /* NULL: none */
    fk_pem ca;
    uint64_t look_ns; /* when option tls_watch has the files looked at; 0: not known yet */
} fk_certificates;

/* FORKER_OK if there is what the addresses ask for, or FORKER_E_STATE with a sentence. */
int fk_certificates_check(forker_server *server);

/* Whether some address has TLS. */
bool fk_certificates_are_used(const forker_server *server);

/*
 * Reads the files again. The server has what they say now, and `*before_out` what it had. false with a sentence: nothing
 * has changed.
 */
bool fk_certificates_renew(forker_server *server, fk_certificates **before_out);

/* Takes that back. */
void fk_certificates_restore(forker_server *server, fk_certificates *before);

void fk_certificates_free(fk_certificates *certificates);

/* Whether files have changed, as option tls_watch has them looked at; and when to look again. */
bool fk_certificates_have_changed(forker_server *server, uint64_t now_ns, uint64_t *next_ns_out);

/* Writes into the shared memory until when they are valid. */
void fk_certificates_publish(forker_server *server);

/* Makes a sentence the reason for which the certificates cannot be used. Returns FORKER_E_CERTIFICATE. */
int fk_certificates_refuse(forker_server *server, const char *sentence);

/* Wipes what was in the files: for a process that has parsed it. */
void fk_certificates_wipe(forker_server *server);

#endif
