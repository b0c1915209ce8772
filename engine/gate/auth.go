package gate

import (
	"strings"

	"libforker/engine/credential"
	"libforker/engine/grammar"
	"libforker/engine/message"
)

// Who may come in.

// Auth is of which users requests are served.
type Auth struct {
	Users     *credential.Users
	challenge string // A line: how clients are asked who they are (RFC 9110 §11.6.1).
}

// newAuth makes the gate of the options' texts; nil: everybody may come in.
func newAuth(t Texts) *Auth {
	if t.Users == nil {
		return nil
	}
	return &Auth{Users: t.Users, challenge: "WWW-Authenticate: Basic realm=" + quote(t.Realm) + ", charset=\"UTF-8\"\r\n"}
}

// quote writes a text as a quoted string (RFC 9110 §5.6.4).
func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// AppendChallenge appends the line that asks a client who it is.
func (a *Auth) AppendChallenge(b []byte) []byte { return append(b, a.challenge...) }

// Read returns the name and password that a head has, in the room. false: none, or several, or what nobody's could be.
func (a *Auth) Read(head *message.Head, text []byte, room *credential.BasicRoom) (name, password []byte, ok bool) {
	var value []byte
	for i := range head.Fields[:head.FieldCount] {
		field := &head.Fields[i]
		if !grammar.EqualFold(field.Name.In(text), "authorization") {
			continue
		}
		if value != nil {
			return nil, nil, false // Who comes after us could take the other one.
		}
		value = field.Value.In(text)
	}
	return credential.ReadBasic(value, room)
}
