package blackbox

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestQueryParam_likeItsDescription compares with the sentence of forker.h, over queries made of what matters in them.
func TestQueryParam_likeItsDescription(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "query.c", args: []string{"127.0.0.1:0"}, env: environment([]string{"workers=1"})}).waitReady()
		c := p.dial()
		random := rand.New(rand.NewPCG(1, 2))
		pieces := []string{"k", "k=", "=", "&", "&k=", "%", "%6b", "%6B=", "%00", "%2", "%zz", "%26", "%3D", "+", ";", "?", "a", "kk", "/", "\\"}
		for range 3000 {
			var query strings.Builder
			for range random.IntN(8) {
				query.WriteString(pieces[random.IntN(len(pieces))])
			}
			a := c.get("/?" + query.String())
			value, ok := queryParam(query.String(), "k")
			if ok != (a.StatusCode == 200) || ok && a.body != value {
				t.Fatalf("%q: %d %q, want %v %q", query.String(), a.StatusCode, a.body, ok, value)
			}
		}
	})
}

// queryParam is the value of the first parameter of that name.
func queryParam(query, name string) (value string, ok bool) {
	for pair := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if pair != "" && queryText(key) == name {
			return queryText(value), true
		}
	}
	return "", false
}

// queryText decodes "+" and percent-escapes; a malformed one stands for itself.
func queryText(encoded string) string {
	var text strings.Builder
	for i := 0; i < len(encoded); i++ {
		switch {
		case encoded[i] == '+':
			text.WriteByte(' ')
		case encoded[i] == '%' && i+2 < len(encoded):
			if code, err := strconv.ParseUint(encoded[i+1:i+3], 16, 8); err == nil {
				text.WriteByte(byte(code))
				i += 2
				continue
			}
			fallthrough
		default:
			text.WriteByte(encoded[i])
		}
	}
	return text.String()
}
