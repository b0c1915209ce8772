package blackbox

import (
	"io"
	"slices"
	"strings"
	"testing"

	"libforker/engine/gate"
	"libforker/engine/router"
	"libforker/tests/piped"
)

// The grammar of methods and patterns stands twice: in C, where a route is registered before there is any Go, and in the
// router that each worker makes. What C takes and the router refuses would be a server whose workers never boot.

// grammar is the program that says what C takes.
type grammar struct{ *piped.Program }

func startGrammar(t testing.TB) *grammar {
	t.Helper()
	program, err := compileNow(plain, "grammar.c", "c11")
	if err != nil {
		t.Fatal(err)
	}
	return &grammar{piped.Start(t, program)}
}

// candidate is what may be a route.
type candidate struct{ methods, pattern string }

// takes tells which candidates a new server takes, one after the other.
func (g *grammar) takes(t *testing.T, candidates []candidate) []bool {
	t.Helper()
	commands := "n"
	for _, c := range candidates {
		commands += "h" + c.methods + "\x00" + c.pattern + "\x00"
	}
	if _, err := io.WriteString(g.Stdin, commands); err != nil {
		t.Fatal(err)
	}
	responses := make([]byte, len(candidates))
	if _, err := io.ReadFull(g.Stdout, responses); err != nil {
		t.Fatal(err)
	}
	taken := make([]bool, len(candidates))
	for i, response := range responses {
		taken[i] = response == 1
	}
	return taken
}

// isRefusedForPeople tells if C may refuse what would do the router no harm, because whoever wrote it meant something
// else.
func (c *candidate) isRefusedForPeople() bool {
	list := strings.Split(c.methods, ",")
	return len(c.pattern) > 1024 || len(c.methods) > 512 || len(list) > 1 && slices.Contains(list, "*") ||
		strings.ContainsAny(c.methods, "|+&") || strings.ContainsAny(c.pattern, "?%#{}<>")
}

// compare wants C and the router to say the same about each of the candidates.
func (g *grammar) compare(t *testing.T, candidates []candidate) {
	t.Helper()
	r := &router.Router{}
	for i, taken := range g.takes(t, candidates) {
		c := &candidates[i]
		err := r.Add(strings.Split(c.methods, ","), c.pattern, i)
		switch {
		case taken == (err == nil):
		case taken:
			t.Fatalf("handle %q %q is taken by C, and refused by the router: %v\nbefore: %q", c.methods, c.pattern, err, candidates[:i])
		case c.isRefusedForPeople():
			return // From here on the router has a route that C has not.
		default:
			t.Fatalf("handle %q %q is refused by C, and taken by the router\nbefore: %q", c.methods, c.pattern, candidates[:i])
		}
	}
}

func TestGrammar_isOne(t *testing.T) {
	g := startGrammar(t)
	for b := 1; b < 256; b++ {
		one := string([]byte{byte(b)})
		for _, c := range []candidate{{one, "/"}, {"M" + one, "/"}, {"GET", one}, {"GET", "/" + one}, {"GET", "/:a" + one}, {"GET", "/*a" + one}} {
			if !strings.Contains(c.methods, ",") {
				g.compare(t, []candidate{c})
			}
		}
	}
	for _, name := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PURGE"} {
		g.compare(t, []candidate{{name, "/"}, {strings.ToLower(name), "/a"}, {name[:1] + strings.ToLower(name[1:]), "/b"}, {name, "/"}})
	}
	for _, length := range []int{23, 24, 25} {
		g.compare(t, []candidate{{strings.Repeat("M", length), "/"}})
	}
	for _, count := range []int{15, 16, 17} {
		pattern := ""
		for i := range count {
			pattern += "/:" + string(rune('a'+i))
		}
		g.compare(t, []candidate{{"GET", pattern}})
	}
	var many []candidate
	for i := range 60 {
		many = append(many, candidate{"M" + strings.Repeat("X", i%20) + string(rune('A'+i/20)), "/"})
	}
	g.compare(t, many)
}

// FuzzGrammar: C and the router take the same routes.
func FuzzGrammar(f *testing.F) {
	g := startGrammar(f)
	f.Add("GET /a\nGET /:x\n* /*r\nHEAD /a\nGET /:y")
	f.Add("GET /:a/b\nPOST /a/:b\nGET,PUT /a/*r\nPURGE /:a/:b\nHEAD /:x/b\n* //")
	f.Add("GET /a/./b\nGET /..\nGET /a/../\nget /\nGET,GET /\nGET, /\n*,GET /\nCONNECT /\n /\nGET a\nGET ")
	f.Add("GET /:a/:a\nGET /:/\nGET /*\nGET /*a/b\nGET /:a.b\nGET /a:b\nGET /:a-_9/*z\nPOST,PUT /:q-_9/*z\nPUT /:b/*c")
	f.Add("GET|POST /\nget& /\nPUT /a?b\nPUT /%41\nPUT /{id}\nPUT /{a/b}\nPUT /<int:x>/{r...}/c\nPUT /a}{b")
	f.Fuzz(func(t *testing.T, lines string) {
		if len(lines) > 3000 || strings.Contains(lines, "\x00") {
			return
		}
		var candidates []candidate
		for line := range strings.SplitSeq(lines, "\n") {
			methods, pattern, _ := strings.Cut(line, " ")
			candidates = append(candidates, candidate{methods, pattern})
		}
		g.compare(t, candidates)
	})
}

// options are those whose values C looks at before there is any Go, and workers read again. An error there would be a worker that never
// boots. C may refuse more.
var options = []struct {
	name string
	read func(value string) error
}{
	{"rate_limit", func(value string) error {
		_, err := gate.NewPlan(gate.Texts{RateLimit: value}, 1)
		return err
	}},
	{"cors_max_age", func(value string) error {
		_, err := gate.NewPlan(gate.Texts{CORSOrigins: "*", CORSMaxAge: value}, 1)
		return err
	}},
	{"trusted_proxies", func(value string) error {
		_, err := gate.ParseNetworks(value)
		return err
	}},
}

// setOption reports whether C takes an option.
func (g *grammar) setOption(t *testing.T, name, value string) bool {
	t.Helper()
	if _, err := io.WriteString(g.Stdin, "no"+name+"\x00"+value+"\x00"); err != nil {
		t.Fatal(err)
	}
	var taken [1]byte
	if _, err := io.ReadFull(g.Stdout, taken[:]); err != nil {
		t.Fatal(err)
	}
	return taken[0] == 1
}

// FuzzOptions: what C takes is read by the workers.
func FuzzOptions(f *testing.F) {
	g := startGrammar(f)
	for _, value := range []string{
		"100/s", "1/h burst=24 by=all", "1000000000/s", "1000000000/h  burst=1000000000 by=header:X-Api-Key by=client", "2/m burst=2 burst=3", "1/s ", "01/s burst=01",
		"0", "00", "24h", "90s", "1440m", "86400000ms", "007s", "10.0.0.0/8, 2001:db8::/32 unix", "::ffff:192.0.2.1/120", "0.0.0.0/0,::/0", "192.0.2.1/32", "::1/128",
	} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if len(value) > 500 || strings.Contains(value, "\x00") {
			return
		}
		for _, option := range options {
			if g.setOption(t, option.name, value) && value != "" {
				if err := option.read(value); err != nil {
					t.Errorf("%s=%q is taken by C, and refused by a worker: %v", option.name, value, err)
				}
			}
		}
	})
}
