package secure

import (
	"crypto/tls"
	"crypto/x509"
	"io"
)

// What of TLS is spoken, and what is refused.

// Config is what sessions are made of. Immutable, but for SetTicketKeys.
type Config struct {
	tls   *tls.Config
	brief bool // A handshake computes so little that a loop can wait for it, if the client wants nothing that takes longer.
}

// Policy is what the operator decides. The rest is decided by NewConfig, or by crypto/tls: its groups, X25519MLKEM768
// among them, and its order of suites.
type Policy struct {
	MinVersion     uint16 // tls.VersionTLS12 or tls.VersionTLS13.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	ClientAuth     tls.ClientAuthType
	ClientCAs      *x509.CertPool // Who may have signed the certificates of clients.
	HTTP2          bool           // Whether it is offered, and preferred.
	KeyLog         io.Writer      // Gets the secrets of all sessions, for debugging; nil: none does.
	Brief          bool           // All keys sign within some ten microseconds (Certificates.SignBriefly).
}

// suites are those of TLS 1.2 that agree on a key of their own for each connection (ECDHE), and encrypt and authenticate
// records at once (AEAD). TLS 1.3 has no others.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// HTTP2 is the name of HTTP/2 in ALPN (RFC 9113 §3.2).
const HTTP2 = "h2"

// NewConfig makes what sessions are made of. A client that offers protocols (ALPN) of which none is offered is refused,
// as RFC 7301 §3.2 wants it.
//
// Handshakes are brief if they sign briefly, and neither verify the chain that a client sends nor write to a file.
func NewConfig(p *Policy) *Config {
	protocols := []string{"http/1.1"}
	if p.HTTP2 {
		protocols = []string{HTTP2, "http/1.1"}
	}
	brief := p.Brief && p.ClientAuth == tls.NoClientCert && p.KeyLog == nil
	return &Config{brief: brief, tls: &tls.Config{
		MinVersion:     max(p.MinVersion, tls.VersionTLS12),
		CipherSuites:   suites,
		GetCertificate: p.GetCertificate,
		ClientAuth:     p.ClientAuth,
		ClientCAs:      p.ClientCAs,
		KeyLogWriter:   p.KeyLog,
		NextProtos:     protocols,
	}}
}

// SetTicketKeys has tickets of sessions be made with the first of the keys, and understood if they are of any. On any
// goroutine.
func (c *Config) SetTicketKeys(keys [][32]byte) { c.tls.SetSessionTicketKeys(keys) }
