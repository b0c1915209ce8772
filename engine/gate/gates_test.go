package gate

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestPlan_ofNothingIsNone(t *testing.T) {
	if p, err := NewPlan(Texts{CORSMaxAge: "0", CORSHeaders: "*"}, 1); p != nil || err != nil {
		t.Errorf("%+v %v", p, err)
	}
}

func TestRate_isRead(t *testing.T) {
	for text, want := range map[string]string{
		"100/s":                     "10000000 990000000  false",
		"100/s burst=200 by=client": "10000000 1990000000  false",
		"1/m":                       "60000000000 0  false",
		"1/h burst=2 by=all":        "3600000000000 3600000000000  true",
		"5/s by=header:X-Api-Key":   "200000000 800000000 x-api-key false",
		"":                          "error",
		"100":                       "error",
		"0/s":                       "error",
		"-1/s":                      "error",
		"1/d":                       "error",
		"1/s burst=0":               "error",
		"1/s by=":                   "error",
		"1/s by=header:":            "error",
		"1/s bursts=2":              "error",
	} {
		got := "error"
		if r, err := parseRate(text, 1); err == nil {
			got = fmt.Sprintf("%d %d %s %v", r.interval, r.ahead, r.field, r.all)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func newTable() []uint64 { return make([]uint64, RatesBytes/8) }

func open(t testing.TB, words []uint64) *Rates {
	t.Helper()
	rates, err := OpenRates(words)
	if err != nil {
		t.Fatal(err)
	}
	return rates
}

func TestRate_letsABurstThroughAndThenOneEachInterval(t *testing.T) {
	rates, rate, peer := open(t, newTable()), mustRate(t, "10/s burst=3"), peerOf("192.0.2.7")
	now := int64(time.Hour)
	for range 3 {
		if wait := rates.ByPeer(rate, peer, now); wait != 0 {
			t.Fatalf("wait %d", wait)
		}
	}
	if wait := rates.ByPeer(rate, peer, now); wait != int64(time.Second/10) {
		t.Errorf("wait %v", time.Duration(wait))
	}
	if wait := rates.ByPeer(rate, peerOf("192.0.2.8"), now); wait != 0 {
		t.Errorf("another client waits %v", time.Duration(wait))
	}
	now += int64(time.Second / 10)
	if wait := rates.ByPeer(rate, peer, now); wait != 0 {
		t.Errorf("wait %v after an interval", time.Duration(wait))
	}
	if wait := rates.ByPeer(rate, peer, now); wait == 0 {
		t.Error("two after one interval")
	}
	now += int64(time.Hour)
	let := 0
	for range 10 {
		if rates.ByPeer(rate, peer, now) == 0 {
			let++
		}
	}
	if let != 3 {
		t.Errorf("%d after an hour", let)
	}
}

func mustRate(t testing.TB, text string) *Rate {
	t.Helper()
	rate, err := parseRate(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	return rate
}

func TestRate_tellsClientsApart(t *testing.T) {
	for _, row := range []struct {
		rate, a, b string
		same       bool
	}{
		{"1/h", "192.0.2.7", "192.0.2.8", false},
		{"1/h", "2001:db8::1", "2001:db8::2", true},
		{"1/h", "2001:db8::1", "2001:db8:0:1::1", false},
		{"1/h", "::ffff:192.0.2.7", "192.0.2.7", true},
		{"1/h", "::ffff:192.0.2.7", "::ffff:192.0.2.8", false},
		{"1/h", "unix", "192.0.2.7", false},
		{"1/h", "unix", "unix", true},
		{"1/h by=all", "192.0.2.7", "2001:db8::1", true},
	} {
		rates, rate := open(t, newTable()), mustRate(t, row.rate)
		first, second := rates.ByPeer(rate, peerOf(row.a), 1), rates.ByPeer(rate, peerOf(row.b), 1)
		if first != 0 || second != 0 != row.same {
			t.Errorf("%s: %s and %s: %d %d", row.rate, row.a, row.b, first, second)
		}
	}
	rates, rate := open(t, newTable()), mustRate(t, "1/h by=header:k")
	other := *rate
	other.number = 2
	if rates.ByText(rate, []byte("a"), 1) != 0 || rates.ByText(rate, []byte("b"), 1) != 0 || rates.ByText(rate, []byte("a"), 1) == 0 || rates.ByText(&other, []byte("a"), 1) != 0 {
		t.Error("by header")
	}
}

// TestRate_isExactForAllWorkers has several of them let requests of one client through, each with its own clock.
func TestRate_isExactForAllWorkers(t *testing.T) {
	words, rate, peer := newTable(), mustRate(t, "1000/s burst=50"), peerOf("192.0.2.7")
	var let, clock atomic.Int64
	var workers sync.WaitGroup
	const length = int64(2 * time.Second)
	for range 4 {
		rates := open(t, words)
		workers.Go(func() {
			for now := clock.Add(int64(20 * time.Microsecond)); now < length; now = clock.Add(int64(20 * time.Microsecond)) {
				if rates.ByPeer(rate, peer, now) == 0 {
					let.Add(1)
				}
			}
		})
	}
	workers.Wait()
	if n := let.Load(); n < 2045 || n > 2055 {
		t.Errorf("%d requests", n)
	}
}

// TestRate_clocksDiffer: the clock of a worker is that of its iteration.
func TestRate_clocksDiffer(t *testing.T) {
	words, rate, peer := newTable(), mustRate(t, "1/s burst=2"), peerOf("192.0.2.7")
	one, other := open(t, words), open(t, words)
	const now = int64(time.Hour)
	for range 2 {
		if one.ByPeer(rate, peer, now) != 0 {
			t.Fatal("no burst")
		}
	}
	for _, behind := range []time.Duration{1, time.Millisecond, time.Second} {
		if wait := other.ByPeer(rate, peer, now-int64(behind)); wait <= 0 {
			t.Errorf("%v behind: it is let through", behind)
		}
	}
}

// TestRate_believesNobody: another process can write whatever it likes.
func TestRate_believesNobody(t *testing.T) {
	words := newTable()
	for i := range words {
		words[i] = ^uint64(0) >> 1
	}
	rates, rate := open(t, words), mustRate(t, "1/s")
	if wait := rates.ByPeer(rate, peerOf("192.0.2.7"), 1); wait != 0 {
		t.Errorf("wait %d", wait)
	}
	if wait := rates.ByPeer(rate, peerOf("192.0.2.7"), 1); wait != int64(time.Second) {
		t.Errorf("wait %d", wait)
	}
	// The times of the client itself, and of all whose place it could take.
	const now = int64(time.Hour)
	for _, row := range []struct {
		due  int64
		peer string
		most int64
	}{
		{1<<63 - 1, "192.0.2.7", 0},
		{-1 << 63, "192.0.2.7", 0},
		{now + int64(2*time.Hour), "192.0.2.7", 0},
		{now + int64(time.Minute), "192.0.2.7", int64(time.Minute)}, // As if it had come to a worker whose clock is ahead.
		{now + int64(time.Minute), "192.0.2.8", 0},
	} {
		for i := headBytes/8 + 1; i < len(words); i += entryWords {
			words[i] = uint64(row.due)
		}
		if wait := rates.ByPeer(rate, peerOf(row.peer), now); wait < 0 || wait > row.most {
			t.Errorf("due %d, %s: wait %d", row.due, row.peer, wait)
		}
	}
}

func TestRate_doesNotAllocate(t *testing.T) {
	rates, rate, peer := open(t, newTable()), mustRate(t, "1/s"), peerOf("192.0.2.7")
	text := []byte("key")
	if n := testing.AllocsPerRun(100, func() { rates.ByPeer(rate, peer, 1); rates.ByText(rate, text, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRate(b *testing.B) {
	rates, rate, peer := open(b, newTable()), mustRate(b, "1000000000/s"), peerOf("192.0.2.7")
	for now := int64(1); b.Loop(); now++ {
		rates.ByPeer(rate, peer, now)
	}
}

func TestCORS(t *testing.T) {
	list := Texts{CORSOrigins: "https://a.example, https://*.b.example:8443", CORSHeaders: "*", CORSMaxAge: "10m", CORSCredentials: true, CORSExpose: "X-Total"}
	all := Texts{CORSOrigins: "*", CORSHeaders: "X-Key", CORSMaxAge: "0"}
	ask := &Preflight{[]byte("PUT"), []byte("x-a, x-b")}
	judged := list
	judged.CORSJudge = 1
	const vary = "Vary: Access-Control-Request-Method, Access-Control-Request-Headers; "
	for _, row := range []struct {
		texts  Texts
		origin string
		ask    *Preflight
		want   string
	}{
		{judged, "https://c.example", nil, "Vary: Origin; Access-Control-Allow-Origin: https://c.example; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-Total; "},
		{judged, "null", ask, "Vary: Origin; Access-Control-Allow-Origin: null; Access-Control-Allow-Credentials: true; " + vary + "Access-Control-Allow-Methods: PUT; Access-Control-Allow-Headers: x-a, x-b; Access-Control-Max-Age: 600; "},
		{judged, "https://a.example", nil, "Vary: Origin; Access-Control-Allow-Origin: https://a.example; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-Total; "},
		{judged, "https://evil/.c.example", nil, "Vary: Origin; "},
		{judged, "https://evil@c.example", nil, "Vary: Origin; "},
		{judged, "https://evil https://c.example", nil, "Vary: Origin; "},
		{judged, "https://", nil, "Vary: Origin; "},
		{judged, "c.example", nil, "Vary: Origin; "},
		{judged, "", ask, "Vary: Origin; "},
		{judged, "https://" + strings.Repeat("x", originMost) + ".example", nil, "Vary: Origin; "},
		{Texts{CORSJudge: 1}, "https://c.example", nil, "Vary: Origin; Access-Control-Allow-Origin: https://c.example; "},
		{list, "https://a.example", nil, "Vary: Origin; Access-Control-Allow-Origin: https://a.example; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-Total; "},
		{list, "https://x.y.b.example:8443", nil, "Vary: Origin; Access-Control-Allow-Origin: https://x.y.b.example:8443; Access-Control-Allow-Credentials: true; Access-Control-Expose-Headers: X-Total; "},
		{list, "https://a.example", ask, "Vary: Origin; Access-Control-Allow-Origin: https://a.example; Access-Control-Allow-Credentials: true; " + vary + "Access-Control-Allow-Methods: PUT; Access-Control-Allow-Headers: x-a, x-b; Access-Control-Max-Age: 600; "},
		{list, "", nil, "Vary: Origin; "},
		{list, "null", nil, "Vary: Origin; "},
		{list, "http://a.example", nil, "Vary: Origin; "},
		{list, "https://a.example.evil", nil, "Vary: Origin; "},
		{list, "https://evila.example", ask, "Vary: Origin; "},
		{list, "https://b.example:8443", nil, "Vary: Origin; "},
		{list, "https://.b.example:8443", nil, "Vary: Origin; "},
		{list, "https://evil/.b.example:8443", nil, "Vary: Origin; "},
		{list, "https://evil:1@x.b.example:8443", nil, "Vary: Origin; "},
		{list, "https://x.b.example", nil, "Vary: Origin; "},
		{all, "https://whoever.example", nil, "Access-Control-Allow-Origin: *; "},
		{all, "null", ask, "Access-Control-Allow-Origin: *; " + vary + "Access-Control-Allow-Methods: PUT; Access-Control-Allow-Headers: X-Key; "},
		{all, "", nil, ""},
		// What is too long to be sent back is not allowed.
		{list, "https://" + strings.Repeat("x", reflectMost) + ".b.example:8443", nil, "Vary: Origin; "},
		{list, "https://a.example", &Preflight{[]byte("PUT"), bytes.Repeat([]byte("x"), reflectMost)}, "Vary: Origin; "},
		{all, "https://a.example", &Preflight{bytes.Repeat([]byte("P"), reflectMost+1), nil}, ""},
	} {
		p, err := NewPlan(row.texts, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(string(p.CORS.AppendFields(nil, []byte(row.origin), p.CORS.Asks([]byte(row.origin)), row.ask)), "\r\n", "; ")
		if got != row.want {
			t.Errorf("%q: %q, want %q", row.origin, got, row.want)
		}
	}
}

func TestSites(t *testing.T) {
	plain, tokens := Sites{Trusted: parseOrigins("https://partner.example")}, Sites{Trusted: parseOrigins("https://partner.example"), Tokens: true}
	for _, row := range []struct {
		method, site, origin string
		want, wantTokens     Verdict
	}{
		{"GET", "cross-site", "https://evil.example", SiteIsOwn, SiteIsOwn},
		{"HEAD", "cross-site", "", SiteIsOwn, SiteIsOwn},
		{"OPTIONS", "", "", SiteIsOwn, SiteIsOwn},
		{"POST", "same-origin", "https://h", SiteIsOwn, SiteIsOwn},
		{"POST", "none", "", SiteIsOwn, SiteIsOwn},
		{"POST", "cross-site", "https://evil.example", SiteIsOther, SiteIsOther},
		{"POST", "same-site", "https://sub.h", SiteIsOther, SiteIsOther},
		{"POST", "cross-site", "https://h", SiteIsOther, SiteIsOther},
		{"POST", "cross-site", "https://partner.example", SiteIsOwn, SiteIsOwn},
		{"DELETE", "cross-site", "null", SiteIsOther, SiteIsOther},
		{"POST", "unheard-of", "", SiteIsOther, SiteIsOther},
		{"POST", "", "", SiteIsOwn, SiteIsUnknown}, // No browser, or an old one.
		{"POST", "", "https://h", SiteIsOwn, SiteIsUnknown},
		{"POST", "", "https://partner.example", SiteIsOwn, SiteIsOwn},
		{"POST", "", "https://h:8443", SiteIsOther, SiteIsOther},
		{"POST", "", "https://evil.example", SiteIsOther, SiteIsOther},
		{"POST", "", "null", SiteIsOther, SiteIsOther},
	} {
		for sites, want := range map[*Sites]Verdict{&plain: row.want, &tokens: row.wantTokens} {
			if got := sites.Judge([]byte(row.method), []byte(row.site), []byte(row.origin), []byte("h")); got != want {
				t.Errorf("%+v tokens=%v: %v", row, sites.Tokens, got)
			}
		}
	}
}

func TestBlock(t *testing.T) {
	p, _ := NewPlan(Texts{Security: true, HSTS: "max-age=1", CSP: "default-src 'self'"}, 1)
	plain, secure := string(p.Block.Append(nil, nil, false)), string(p.Block.Append(nil, nil, true))
	if strings.Count(plain, "\r\n") != 5 || secure != plain+"Strict-Transport-Security: max-age=1\r\n" {
		t.Errorf("%q %q", plain, secure)
	}
	own := []byte("Content-Type: text/html\r\ncontent-security-policy: none\r\nx-frame-options: DENY\r\n")
	if got := string(p.Block.Append(nil, own, false)); strings.Contains(got, "Frame") || strings.Contains(got, "Content-Security") || !strings.Contains(got, "nosniff") {
		t.Errorf("%q", got)
	}
	if got := string(p.Block.Append(nil, []byte("Content-Type: text/html\r\n"), false)); got != plain {
		t.Errorf("%q", got)
	}
}

func BenchmarkBlock(b *testing.B) {
	p, _ := NewPlan(Texts{Security: true, CSP: "default-src 'self'"}, 1)
	fields, to := []byte("Content-Type: text/html\r\n"), make([]byte, 0, 1000)
	for b.Loop() {
		p.Block.Append(to, fields, false)
	}
}

func TestWWW(t *testing.T) {
	for _, row := range []struct {
		policy     WWW
		host, want string
	}{
		{HostWithWWW, "example.org", "www.example.org"},
		{HostWithWWW, "example.org:8080", "www.example.org:8080"},
		{HostWithWWW, "www.example.org", ""},
		{HostWithWWW, "WWW.example.org", ""},
		{HostWithWWW, "localhost", ""},
		{HostWithWWW, "192.0.2.1", ""},
		{HostWithWWW, "[2001:db8::1]", ""},
		{HostWithWWW, "", ""},
		{HostWithWWW, "evil.example@example.org", ""},
		{HostWithWWW, "a;b.example", ""},
		{HostWithoutWWW, "www.example.org:8080", "example.org:8080"},
		{HostWithoutWWW, "example.org", ""},
		{HostWithoutWWW, "www.", ""},
	} {
		got := ""
		if Moves(row.policy, []byte(row.host)) {
			got = string(AppendMoved(nil, row.policy, []byte(row.host)))
		}
		if got != row.want {
			t.Errorf("%d %q: %q, want %q", row.policy, row.host, got, row.want)
		}
	}
}
