package engine

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"reflect"
	"strings"

	"libforker/engine/memory"
	"libforker/engine/message"
)

// What a program can ask about the TLS of a request's connection.

// What a program can ask of the TLS of a request; FORKER_TLS_* of forker.h.
const (
	TLSVersion = iota
	TLSCipher
	TLSServerName
	TLSALPN
	TLSResumed
	TLSClientSubject
	TLSClientIssuer
	TLSClientSerial
	TLSClientSHA256
	TLSClientNames
	TLSClientDER
	TLSClientChainPEM
	TLSItems
)

// TLSInfo is what is known of a connection's TLS, off the Go heap, where C reads it: fk_tls of capi/exchange/exchange.h. Behind it
// lie the texts, each with a NUL behind it. Spans count from its first byte; Off is 0 where there is no text.
type TLSInfo struct {
	Items [TLSItems]message.Span
}

// tlsInfo is a block with a TLSInfo, which a connection shares with its requests: those that are held outlive it. Owned
// by the loop.
type tlsInfo struct {
	block []byte
	users int
}

// address is where it lies, for C.
func (i *tlsInfo) address() uintptr { return memory.Address(i.block) }

// noteTLS makes c's TLSInfo. false: no memory, c is closed.
func (l *Loop) noteTLS(c *conn, state *tls.ConnectionState) bool {
	texts := describeTLS(state)
	at := int(reflect.TypeFor[TLSInfo]().Size())
	size := at
	for i := range texts {
		size += len(texts[i]) + 1
	}
	block, err := l.blocks.Get(size)
	if err != nil {
		l.cfg.Log(LogError, "no memory for a connection: "+err.Error())
		l.closeConn(c, CloseError)
		return false
	}
	c.info = &tlsInfo{block: block, users: 1}
	info := memory.At[TLSInfo](memory.Address(block))
	*info = TLSInfo{}
	for i, text := range texts {
		if len(text) > 0 {
			info.Items[i] = message.Span{Off: uint32(at), Len: uint32(len(text))}
			at += copy(block[at:], text)
			block[at] = 0
			at++
		}
	}
	return true
}

// shareTLS has a request use the TLSInfo of its connection.
func (l *Loop) shareTLS(c *conn, r *request) {
	if r.info == nil && c.info != nil {
		c.info.users++
		r.info, r.shared.TLS = c.info, c.info.address()
	}
}

// leaveTLS ends the use of a TLSInfo.
func (l *Loop) leaveTLS(info *tlsInfo) {
	if info.users--; info.users == 0 {
		l.blocks.Put(info.block)
	}
}

// describeTLS puts into words what was agreed on.
func describeTLS(state *tls.ConnectionState) (texts [TLSItems]string) {
	texts[TLSVersion] = tls.VersionName(state.Version)
	texts[TLSCipher] = tls.CipherSuiteName(state.CipherSuite)
	texts[TLSServerName] = printable(state.ServerName)
	texts[TLSALPN] = state.NegotiatedProtocol
	texts[TLSResumed] = "0"
	if state.DidResume {
		texts[TLSResumed] = "1"
	}
	if len(state.PeerCertificates) > 0 {
		describeClient(&texts, state.PeerCertificates)
	}
	return texts
}

// describeClient puts the certificate of a client into words, and those that it sent along.
func describeClient(texts *[TLSItems]string, chain []*x509.Certificate) {
	own := chain[0]
	sum := sha256.Sum256(own.Raw)
	texts[TLSClientSubject] = escapeControls(own.Subject.String())
	texts[TLSClientIssuer] = escapeControls(own.Issuer.String())
	texts[TLSClientSerial] = fmt.Sprintf("%X", own.SerialNumber)
	texts[TLSClientSHA256] = hex.EncodeToString(sum[:])
	texts[TLSClientNames] = namesOf(own)
	texts[TLSClientDER] = string(own.Raw)
	var all strings.Builder
	for _, cert := range chain {
		all.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	}
	texts[TLSClientChainPEM] = all.String()
}

// namesOf lists who the certificate is for, one a line. A name with control characters could be taken for two, and is
// left out.
func namesOf(cert *x509.Certificate) string {
	var lines []string
	add := func(kind, name string) {
		if printable(name) != "" {
			lines = append(lines, kind+name)
		}
	}
	for _, name := range cert.DNSNames {
		add("DNS:", name)
	}
	for _, name := range cert.EmailAddresses {
		add("email:", name)
	}
	for _, ip := range cert.IPAddresses {
		add("IP:", ip.String())
	}
	for _, uri := range cert.URIs {
		add("URI:", uri.String())
	}
	return strings.Join(lines, "\n")
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// printable returns a text that has no control characters; of others nothing.
func printable(text string) string {
	if strings.ContainsFunc(text, isControl) {
		return ""
	}
	return text
}

// escapeControls writes control characters as RFC 4514 §2.4 allows it, so that no NUL ends a distinguished name early.
func escapeControls(text string) string {
	var out strings.Builder
	for _, c := range text {
		if isControl(c) {
			fmt.Fprintf(&out, "\\%02X", c)
		} else {
			out.WriteRune(c)
		}
	}
	return out.String()
}
