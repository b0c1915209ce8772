package secure

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Certificates of the server: parsed, checked, and chosen for a client.

// Source is a certificate with its chain and its key, as PEM.
type Source struct {
	Name  string // For sentences.
	Chain []byte
	Key   []byte
	OCSP  *Staple // nil: none.
}

// Certificates are those of a server. Immutable, so any goroutine.
type Certificates struct {
	strict bool
	all    []*entry
	exact  map[string][]*entry // By name.
	wild   map[string][]*entry // By what follows "*.".
}

// entry is a certificate that is ready for use.
type entry struct {
	bare    *tls.Certificate
	stapled *tls.Certificate // nil: there is no OCSP response,
	until   time.Time        // or none from then on.
}

// LoadCertificates parses them. Warnings are sentences about what is usable, but not as it should be. strict: a client
// that asks for a name which none of them has is refused; else it gets the first.
func LoadCertificates(sources []Source, strict bool, now time.Time) (c *Certificates, warnings []string, err error) {
	c = &Certificates{strict: strict, exact: map[string][]*entry{}, wild: map[string][]*entry{}}
	for i := range sources {
		source := &sources[i]
		bare, err := source.parse()
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %s: %w", source.Name, err)
		}
		if warning := doubt(bare.Leaf, now); warning != "" {
			warnings = append(warnings, "certificate "+source.Name+": "+warning)
		}
		cert := &entry{bare: bare}
		if source.OCSP != nil {
			warning, err := cert.staple(source.OCSP, now)
			if err != nil {
				return nil, nil, fmt.Errorf("OCSP response %s: %w", source.OCSP.Name, err)
			}
			if warning != "" {
				warnings = append(warnings, "OCSP response "+source.OCSP.Name+": "+warning)
			}
		}
		c.add(cert)
	}
	return c, warnings, nil
}

// Validity returns when each certificate begins and ceases to be valid, in the order of the sources.
func (c *Certificates) Validity() []Validity {
	var all []Validity
	for _, cert := range c.all {
		all = append(all, Validity{cert.bare.Leaf.NotBefore, cert.bare.Leaf.NotAfter})
	}
	return all
}

// SignBriefly tells if all keys sign within some ten microseconds: those of Ed25519, and of ECDSA on P-256. RSA takes a
// thousand, and the larger curves take some hundred.
func (c *Certificates) SignBriefly() bool {
	return !slices.ContainsFunc(c.all, func(cert *entry) bool {
		switch key := cert.bare.PrivateKey.(type) {
		case ed25519.PrivateKey:
			return false
		case *ecdsa.PrivateKey:
			return key.Curve != elliptic.P256()
		}
		return true
	})
}

func (s *Source) parse() (*tls.Certificate, error) {
	if err := checkChain(s.Chain); err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(s.Chain, s.Key)
	switch {
	case err == nil:
		return &cert, nil
	case strings.Contains(err.Error(), "does not match"):
		return nil, errors.New("the key does not belong to the first certificate of the chain")
	default:
		return nil, errors.New(strings.TrimPrefix(err.Error(), "tls: "))
	}
}

// checkChain finds what is wrong with a chain, and where.
func checkChain(text []byte) error {
	var above *x509.Certificate
	return eachCertificate(text, func(number int, cert *x509.Certificate) error {
		if above != nil && !bytes.Equal(above.RawIssuer, cert.RawSubject) {
			return fmt.Errorf("certificate %d of the chain has not signed the one before it", number)
		}
		above = cert
		return nil
	})
}

// eachCertificate calls found for the certificates of a PEM text, counted from 1.
func eachCertificate(text []byte, found func(number int, cert *x509.Certificate) error) error {
	number := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		number++
		cert, err := x509.ParseCertificate(block.Bytes)
		if err == nil {
			err = found(number, cert)
		} else {
			err = fmt.Errorf("certificate %d is malformed: %s", number, strings.TrimPrefix(err.Error(), "x509: "))
		}
		if err != nil {
			return err
		}
	}
	if number == 0 {
		return errors.New("there is no certificate in it (PEM, \"-----BEGIN CERTIFICATE-----\")")
	}
	if bytes.Contains(text, []byte("-----BEGIN CERTIFICATE-----")) {
		return fmt.Errorf("behind certificate %d there is one that is malformed", number)
	}
	return nil
}

// doubt is what clients do not like about a certificate, or will not before long.
func doubt(leaf *x509.Certificate, now time.Time) string {
	if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
		return "it has no subject alternative names, without which no client takes it"
	}
	return Validity{leaf.NotBefore, leaf.NotAfter}.Doubt(now)
}

// LoadCAs parses the certificates of those whose signature on a client's certificate counts.
func LoadCAs(name string, text []byte, pool *x509.CertPool) error {
	err := eachCertificate(text, func(_ int, cert *x509.Certificate) error {
		pool.AddCert(cert)
		return nil
	})
	if err != nil {
		return fmt.Errorf("client CA %s: %w", name, err)
	}
	return nil
}

func (c *Certificates) add(cert *entry) {
	c.all = append(c.all, cert)
	for _, name := range cert.bare.Leaf.DNSNames {
		name = strings.ToLower(name)
		if rest, isWild := strings.CutPrefix(name, "*."); isWild {
			c.wild[rest] = append(c.wild[rest], cert)
		} else {
			c.exact[name] = append(c.exact[name], cert)
		}
	}
}

// Get chooses for a client: by the name that it asks for, exact before wildcard, and of several the first that it can
// use. It is for tls.Config.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	candidates := c.named(hello.ServerName)
	if candidates == nil && c.strict && hello.ServerName != "" {
		return nil, nil // unrecognized_name (RFC 6066 §3)
	}
	if candidates == nil {
		candidates = c.all
	}
	for _, cert := range candidates {
		if supports(hello, cert.bare) {
			return cert.at(time.Now()), nil
		}
	}
	return candidates[0].at(time.Now()), nil
}

// supports tells if the client can use cert, whatever names that has.
func supports(hello *tls.ClientHelloInfo, cert *tls.Certificate) bool {
	nameless := *hello
	nameless.ServerName = ""
	return nameless.SupportsCertificate(cert) == nil
}

func (c *Certificates) named(name string) []*entry {
	name = strings.ToLower(name)
	if certs := c.exact[name]; certs != nil || net.ParseIP(name) != nil {
		return certs
	}
	if _, rest, ok := strings.Cut(name, "."); ok {
		return c.wild[rest]
	}
	return nil
}
