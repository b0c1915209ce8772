package secure

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// OCSP responses, which are stapled to certificates: a client that gets one need not ask the certificate authority whether
// the certificate is revoked (RFC 6066 §8).

// Staple is an OCSP response.
type Staple struct {
	Name     string // For sentences.
	Response []byte // DER (RFC 6960).
}

// staple has clients get an OCSP response with the certificate. One that can be none of this certificate is an error; of
// one that would do harm it says so in a warning, and leaves it out.
func (c *entry) staple(s *Staple, now time.Time) (warning string, err error) {
	chain := c.bare.Certificate
	if len(chain) < 2 {
		return "", errors.New("the chain does not have the certificate of the issuer, whose signature it needs")
	}
	issuer, err := x509.ParseCertificate(chain[1])
	if err != nil {
		return "", err
	}
	response, err := ocsp.ParseResponseForCert(s.Response, c.bare.Leaf, issuer)
	switch {
	case err != nil:
		return "", describeOCSP(err)
	case response.Status == ocsp.Revoked:
		return "it says that the certificate is revoked, and is not used", nil
	case response.Status != ocsp.Good:
		return "it does not say that the certificate is good, and is not used", nil
	case !response.NextUpdate.IsZero() && !now.Before(response.NextUpdate):
		return "it has expired, on " + response.NextUpdate.UTC().Format(time.DateTime) + ", and is not used", nil
	case now.Before(response.ThisUpdate):
		return "it is valid only from " + response.ThisUpdate.UTC().Format(time.DateTime) + " on, and is not used", nil
	}
	stapled := *c.bare
	stapled.OCSPStaple = s.Response
	c.stapled, c.until = &stapled, response.NextUpdate
	return "", nil
}

// describeOCSP says why a response is not one for the certificate.
func describeOCSP(err error) error {
	var fault ocsp.ParseError
	var refusal ocsp.ResponseError
	switch {
	case errors.As(err, &refusal):
		return fmt.Errorf("it is no more than an error of the responder: %v", refusal.Status)
	case !errors.As(err, &fault):
		return errors.New("it is malformed (DER, as in RFC 6960)")
	case strings.Contains(err.Error(), "no response matching"):
		return errors.New("it is for another certificate")
	}
	return fmt.Errorf("it is malformed, or not from the issuer of the certificate: %w", err)
}

// at returns the certificate as a client gets it now: without an OCSP response that has expired.
func (c *entry) at(now time.Time) *tls.Certificate {
	if c.stapled == nil || !c.until.IsZero() && !now.Before(c.until) {
		return c.bare
	}
	return c.stapled
}
