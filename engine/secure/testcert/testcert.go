// Package testcert makes certificates for tests.
package testcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"golang.org/x/crypto/ocsp"
)

// Spec says what a certificate is to be like.
type Spec struct {
	Names    []string // Host names or addresses, the first also its common name.
	RSA      bool     // Else ECDSA on P-256.
	Expired  bool
	Left     time.Duration // Until it expires; 0: a day, of three that it lives.
	Signer   *Pair         // nil: it signs itself, and can sign others.
	ForUsers bool          // It is a client's.
}

// Pair is a certificate with its key.
type Pair struct {
	TLS   tls.Certificate
	X509  *x509.Certificate
	Chain []byte // As PEM, the signer's behind it.
	Key   []byte // As PEM.
}

// New makes a certificate. It panics where the system has no randomness.
func New(w Spec) *Pair {
	key := newKey(w.RSA)
	template := w.template()
	parent, signer := template, key
	if w.Signer != nil {
		parent, signer = w.Signer.X509, w.Signer.TLS.PrivateKey.(crypto.Signer)
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer))
	p := &Pair{
		TLS:   tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		X509:  must(x509.ParseCertificate(der)),
		Chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}),
	}
	if w.Signer != nil {
		p.TLS.Certificate = append(p.TLS.Certificate, w.Signer.TLS.Certificate...)
		p.Chain = append(p.Chain, w.Signer.Chain...)
	}
	return p
}

// Pool trusts what p has signed.
func (p *Pair) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.X509)
	return pool
}

// OCSP returns a response that says of a certificate which p has signed whether it is good, as the certificate authority's
// responder would, valid from an hour ago until so much later than now.
func (p *Pair) OCSP(of *Pair, status int, left time.Duration) []byte {
	now := time.Now()
	template := ocsp.Response{
		Status: status, SerialNumber: of.X509.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(left), RevokedAt: now,
	}
	return must(ocsp.CreateResponse(p.X509, p.X509, template, p.TLS.PrivateKey.(crypto.Signer)))
}

func (w *Spec) template() *x509.Certificate {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: w.Names[0]},
		NotBefore:    now.Add(-48 * time.Hour), NotAfter: now.Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if w.Left > 0 {
		template.NotAfter = now.Add(w.Left)
	}
	if w.Expired {
		template.NotAfter = now.Add(-time.Hour)
	}
	if w.ForUsers {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if w.Signer == nil {
		template.IsCA = true
		template.KeyUsage |= x509.KeyUsageCertSign
		template.ExtKeyUsage = nil
	}
	for _, name := range w.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return template
}

func newKey(isRSA bool) crypto.Signer {
	if isRSA {
		return must(rsa.GenerateKey(rand.Reader, 2048))
	}
	return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
