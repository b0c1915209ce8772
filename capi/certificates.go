package main

/*
#include <stdlib.h>
#include "setup/certificate.h"
#include "setup/ticket.h"
#include "supervisor/spawner.h"
*/
import "C"

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"libforker/engine/secure"
	"libforker/slot"
)

// The certificates that C has read, parsed: for workers, and for the process that only looks at them.

// certificateError is of certificates that cannot be used.
type certificateError struct{ error }

// refuse makes it what the program is told.
func (s server) refuse(bad *certificateError) C.int {
	sentence := C.CString(bad.Error())
	defer C.free(unsafe.Pointer(sentence))
	return C.fk_certificates_refuse(s.c, sentence)
}

// tlsConfigs are what connections of addresses with TLS are made of, by what those want of the certificates of clients.
type tlsConfigs map[tls.ClientAuthType]*secure.Config

// loaded is what the certificates and CAs come to that C has read. Zero: there are none.
type loaded struct {
	configs    tlsConfigs
	doubts     []string          // Sentences about those that are usable, but not as they should be.
	validities []secure.Validity // By certificate.
}

// loadCertificates parses the certificates and CAs that C has read.
func (s server) loadCertificates() (l loaded, err error) {
	if s.c.tls.certificates == nil {
		return l, nil
	}
	certificates, doubts, err := s.parseCertificates()
	if err != nil {
		return l, err
	}
	pool := x509.NewCertPool()
	if s.c.tls.certificates.ca_path != nil {
		if err := secure.LoadCAs(C.GoString(s.c.tls.certificates.ca_path), pemOf(&s.c.tls.certificates.ca), pool); err != nil {
			return l, err
		}
	}
	return loaded{s.makeConfigs(certificates, pool), doubts, certificates.Validity()}, nil
}

func (s server) parseCertificates() (*secure.Certificates, []string, error) {
	var sources []secure.Source
	for i := range s.c.tls.certificates.items[:s.c.tls.certificates.count] {
		item := &s.c.tls.certificates.items[i]
		source := secure.Source{Name: C.GoString(item.name), Chain: pemOf(&item.chain), Key: pemOf(&item.key)}
		if item.ocsp_path != nil { // A copy: it is used as long as the certificate is.
			source.OCSP = &secure.Staple{Name: C.GoString(item.ocsp_path), Response: bytes.Clone(pemOf(&item.ocsp))}
		}
		sources = append(sources, source)
	}
	strict := s.number(C.FK_OPTION_TLS_STRICT_SNI) != 0
	return secure.LoadCertificates(sources, strict, time.Now())
}

func (s server) makeConfigs(certificates *secure.Certificates, pool *x509.CertPool) tlsConfigs {
	configs := tlsConfigs{}
	version := uint16(tls.VersionTLS12)
	if s.number(C.FK_OPTION_TLS_MIN_VERSION) != 0 {
		version = tls.VersionTLS13
	}
	for _, auth := range clientAuth {
		configs[auth] = secure.NewConfig(&secure.Policy{
			MinVersion: version, GetCertificate: certificates.Get, ClientAuth: auth, ClientCAs: pool, KeyLog: s.keyLog(),
			HTTP2: s.number(C.FK_OPTION_HTTP2) != 0, Brief: certificates.SignBriefly(),
		})
	}
	return configs
}

// clientAuth are the meanings of FK_CLIENT_CERT_*.
var clientAuth = [...]tls.ClientAuthType{
	C.FK_CLIENT_CERT_OFF:      tls.NoClientCert,
	C.FK_CLIENT_CERT_OPTIONAL: tls.VerifyClientCertIfGiven,
	C.FK_CLIENT_CERT_REQUIRED: tls.RequireAndVerifyClientCert,
}

// of returns what the connections of an address are made of; nil: it has no TLS.
func (t tlsConfigs) of(ln *C.fk_listener) *secure.Config {
	if !ln.tls.on {
		return nil
	}
	return t[clientAuth[ln.tls.client_cert]]
}

// followTickets has the keys of session tickets be those that all workers have now.
func (w *worker) followTickets(configs tlsConfigs) {
	var keys [C.FK_TICKET_KEYS][C.FK_TICKET_KEY_SIZE]byte
	if w.channel < 0 {
		C.fk_tickets_follow(w.c, C.fk_clock()) // There is no spawner that would.
	}
	// SAFETY: C writes that many bytes during the call.
	if !C.fk_tickets_read(w.c, &w.tickets, (*[C.FK_TICKET_KEY_SIZE]C.uint8_t)(unsafe.Pointer(&keys))) {
		return
	}
	for _, config := range configs {
		config.SetTicketKeys(keys[:])
	}
}

// pemOf is a text of C's, which is read while it is parsed.
func pemOf(pem *C.fk_pem) []byte {
	// SAFETY: C has len bytes there, until they are wiped after parsing.
	return unsafe.Slice((*byte)(unsafe.Pointer(pem.text)), int(pem.len))
}

// certificateNames are those that the program has given its certificates.
func (s server) certificateNames() []string {
	if s.c.tls.certificates == nil {
		return nil
	}
	var names []string
	for i := range s.c.tls.certificates.items[:s.c.tls.certificates.count] {
		names = append(names, C.GoString(s.c.tls.certificates.items[i].name))
	}
	return names
}

// warnOfExpiry logs which certificates have expired, or will before long.
func (s server) warnOfExpiry(shared *slot.Shared) {
	for i, name := range s.certificateNames() {
		v := shared.LoadValidity(i)
		valid := secure.Validity{NotBefore: time.Unix(v.NotBefore, 0), NotAfter: time.Unix(v.NotAfter, 0)}
		if doubt := valid.Doubt(time.Now()); doubt != "" {
			s.log(C.FORKER_LOG_WARN, "certificate "+name+": "+doubt)
		}
	}
}

// goInspect looks at the certificates and the files of users, and says to fd what it has found: "+" and an fk_validity for
// each certificate, "-" and a sentence about these, or "!" and one about those.
//
//export goInspect
func goInspect(c *C.forker_server, fd C.int) (code C.int) {
	s := server{c}
	defer s.guard("inspection", &code)
	found, err := s.loadCertificates()
	for _, doubt := range found.doubts {
		s.log(C.FORKER_LOG_WARN, doubt)
	}
	said := []byte("+")
	_, unusable := s.loadUsers()
	for _, v := range found.validities {
		said = binary.NativeEndian.AppendUint64(said, uint64(v.NotBefore.Unix()))
		said = binary.NativeEndian.AppendUint64(said, uint64(v.NotAfter.Unix()))
	}
	if err != nil {
		said = []byte("-" + err.Error())
	} else if unusable != nil {
		said = []byte("!" + unusable.Error())
	}
	// Nobody is there to hear of an error: the reader misses the text.
	_, _ = unix.Write(int(fd), said)
	return C.FORKER_OK
}
