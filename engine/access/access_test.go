package access

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"libforker/slot"
)

var (
	noon = time.Date(2026, 1, 31, 12, 0, 5, 123e6, time.UTC)
	peer = slot.Peer{Family: unix.AF_INET, Port: 50000, Addr: [16]byte{192, 0, 2, 1}}
)

func text(s string) []byte { return []byte(s) }

// lineOf gives the line of one entry.
func lineOf(format Format, e Entry) string {
	var got []byte
	l := New(Config{Format: format, Worker: 3}, Sink{Write: func(lines []byte) { got = bytes.Clone(lines) }})
	l.Add(&e, 0, noon)
	l.Close()
	return string(got)
}

func TestCommon(t *testing.T) {
	get := Entry{Peer: peer, Client: peer, Method: text("GET"), Target: text("/a?b"), Version: 11, Status: 200, Bytes: 11}
	v6 := get
	v6.Client = slot.Peer{Family: unix.AF_INET6, Port: 1, Addr: netip.MustParseAddr("2001:db8::1").As16()}
	local := get
	local.Client, local.Bytes = slot.Peer{Family: unix.AF_UNIX}, 0
	forged := get
	forged.Target = text("/\" 200 1\n127.0.0.1 - - \\ \x00\x7f\xff")
	full := get
	full.Referer, full.Agent = text(`http://x/"`), text("curl/8")
	for _, c := range []struct {
		format Format
		entry  Entry
		want   string
	}{
		{Common, get, `192.0.2.1 - - [31/Jan/2026:12:00:05 +0000] "GET /a?b HTTP/1.1" 200 11`},
		{Common, v6, `2001:db8::1 - - [31/Jan/2026:12:00:05 +0000] "GET /a?b HTTP/1.1" 200 11`},
		{Common, local, `unix: - - [31/Jan/2026:12:00:05 +0000] "GET /a?b HTTP/1.1" 200 -`},
		{Common, Entry{Status: 400, Bytes: 5}, `- - - [31/Jan/2026:12:00:05 +0000] "-" 400 5`},
		{Common, forged, `192.0.2.1 - - [31/Jan/2026:12:00:05 +0000] "GET /\x22 200 1\x0A127.0.0.1 - - \x5C \x00\x7F\xFF HTTP/1.1" 200 11`},
		{Combined, full, `192.0.2.1 - - [31/Jan/2026:12:00:05 +0000] "GET /a?b HTTP/1.1" 200 11 "http://x/\x22" "curl/8"`},
		{Combined, get, `192.0.2.1 - - [31/Jan/2026:12:00:05 +0000] "GET /a?b HTTP/1.1" 200 11 "-" "-"`},
	} {
		if got := lineOf(c.format, c.entry); got != c.want+"\n" {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestJSON_isOneValidLineWhateverTheClientSent(t *testing.T) {
	everything := make([]byte, 256)
	for i := range everything {
		everything[i] = byte(i)
	}
	hostile := append(everything, "\u2028\u2029ü\"}\n{\""...)
	line := lineOf(JSON, Entry{
		Peer: peer, Client: peer, Method: text("GET"), Target: hostile, Version: 11, Status: 200, Bytes: 11, Took: 1500 * time.Microsecond, Host: hostile,
		Referer: hostile, Agent: hostile,
	})
	if strings.Count(line, "\n") != 1 || strings.ContainsAny(line[:len(line)-1], "\r\x00\u2028\u2029") {
		t.Errorf("more than one line: %q", line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	want := strings.ToValidUTF8(string(everything[:128]), "")
	for _, field := range []string{"target", "host", "referer", "user_agent"} {
		if s := got[field].(string); !strings.HasPrefix(s, want) || !strings.HasSuffix(s, "\u2028\u2029ü\"}\n{\"") {
			t.Errorf("%s: %q", field, s)
		}
	}
	for field, want := range map[string]any{
		"time": "2026-01-31T12:00:05.123Z", "worker": 3.0, "peer": "192.0.2.1:50000", "method": "GET", "version": "1.1", "status": 200.0,
		"bytes": 11.0, "seconds": 0.0015,
	} {
		if got[field] != want {
			t.Errorf("%s: %v, want %v", field, got[field], want)
		}
	}
}

func TestJSON_writesWhatSteersATerminalAsEscapes(t *testing.T) {
	const steering = "\u0080\u0085\u009b\u009f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"
	const plain = "\u00a0\u061b\u200d\u2010\u2027\u202f\u2065\u206a\U0001f600"
	line := lineOf(JSON, Entry{Peer: peer, Client: peer, Method: text("GET"), Target: text(steering + plain)})
	if strings.ContainsAny(line, steering) || !strings.Contains(line, plain) {
		t.Errorf("%q", line)
	}
	var got struct{ Target string }
	if err := json.Unmarshal([]byte(line), &got); err != nil || got.Target != steering+plain {
		t.Errorf("%q %v", got.Target, err)
	}
}

func TestLog_isDueWhenItIsOldOrTheLoopIsIdle(t *testing.T) {
	l := New(Config{Format: Common}, Sink{Write: func([]byte) {}})
	if l.Due(time.Hour, true) {
		t.Error("nothing is due")
	}
	l.Add(&Entry{}, time.Hour, noon)
	l.Add(&Entry{}, time.Hour+time.Second/2, noon)
	for after, want := range map[time.Duration]bool{0: false, 999 * time.Millisecond: false, time.Second: true} {
		if got := l.Due(time.Hour+after, false); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	if !l.Due(time.Hour, true) {
		t.Error("not due while idle")
	}
}

func TestLog_givesWholeLinesInLargePieces(t *testing.T) {
	var pieces [][]byte
	l := New(Config{Format: Common}, Sink{Write: func(lines []byte) { pieces = append(pieces, bytes.Clone(lines)) }})
	e := Entry{Method: text("GET"), Target: bytes.Repeat(text("x"), 1000)}
	for range 100 {
		l.Add(&e, 0, noon)
	}
	l.Close()
	lines := 0
	for _, piece := range pieces {
		if !bytes.HasSuffix(piece, text("\n")) || len(piece) > bufferSize {
			t.Errorf("a piece of %d bytes ends with %q", len(piece), piece[len(piece)-1])
		}
		lines += bytes.Count(piece, text("\n"))
	}
	if lines != 100 || len(pieces) > 5 {
		t.Errorf("%d lines in %d pieces", lines, len(pieces))
	}
}

func TestLog_neverWaitsForItsWriterAndCountsWhatItMisses(t *testing.T) {
	gate := make(chan struct{})
	written, missed := 0, 0
	l := New(Config{Format: Common, Background: true}, Sink{
		Write: func(lines []byte) {
			<-gate
			written += bytes.Count(lines, text("\n"))
		},
		Miss: func(lines int) { missed += lines },
	})
	const all = 10
	for range all {
		l.Add(&Entry{}, 0, noon)
		l.Flush()
	}
	if missed != all-buffers && missed != all-buffers+1 {
		t.Errorf("%d lines are missed while the writer waits", missed)
	}
	close(gate)
	l.Close()
	if written+missed != all {
		t.Errorf("%d lines were written, %d missed, of %d", written, missed, all)
	}
}

func TestAdd_doesNotAllocate(t *testing.T) {
	for _, format := range []Format{Common, Combined, JSON} {
		l := New(Config{Format: format}, Sink{Write: func([]byte) {}})
		e := Entry{Peer: peer, Client: peer, Method: text("GET"), Target: text("/"), Version: 11, Status: 200, Agent: text("x")}
		if n := testing.AllocsPerRun(1000, func() { l.Add(&e, 0, noon) }); n != 0 {
			t.Errorf("format %d: %v allocations", format, n)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	for name, format := range map[string]Format{"common": Common, "combined": Combined, "json": JSON} {
		b.Run(name, func(b *testing.B) {
			l := New(Config{Format: format}, Sink{Write: func([]byte) {}})
			e := Entry{Peer: peer, Client: peer, Method: text("GET"), Target: text("/"), Version: 11, Status: 200, Agent: text("wrk/4")}
			for b.Loop() {
				l.Add(&e, 0, noon)
			}
		})
	}
}

func TestFields_areAdded(t *testing.T) {
	full := Entry{
		Peer: peer, Client: peer, Method: text("GET"), Target: text("/"), Version: 11, Status: 200, ID: text("one"), Route: 2,
		Headers: [][]byte{text("a \"b\"\n"), {}},
	}
	bare := Entry{Peer: peer, Status: 400}
	routes := [][]byte{text("/"), text("/users/:id")}
	for _, c := range []struct {
		format Format
		fields string
		entry  Entry
		end    string
	}{
		{Common, "route", full, `" 200 - "one" route="/users/:id"`},
		{Common, "request_id,route,client", full, `" 200 - request_id="one" route="/users/:id" client="192.0.2.1"`},
		{Combined, "header:X-A, header:x_b", full, `" 200 - "-" "-" "one" header:X-A="a \x22b\x22\x0A" header:x_b="-"`},
		{Common, "request_id,route,client,header:x", bare, `"-" 400 - request_id="-" route="-" client="-" header:x="-"`},
		{JSON, "client route", full, `"request_id":"one","client":"192.0.2.1","route":"/users/:id"}`},
		{JSON, "request_id,header:X-A,header:x_b", full, `"user_agent":"","request_id":"one","header:X-A":"a \"b\"\u000A","header:x_b":""}`},
		{JSON, "request_id,route,header:x", bare, `"user_agent":""}`},
	} {
		var got string
		l := New(Config{Format: c.format, Fields: c.fields, Routes: routes}, Sink{Write: func(lines []byte) { got = string(lines) }})
		l.Add(&c.entry, 0, noon)
		if n := testing.AllocsPerRun(10, func() { l.Add(&c.entry, 0, noon) }); n != 0 {
			t.Errorf("%s: %v allocations", c.fields, n)
		}
		l.lines = l.lines[:bytes.IndexByte(l.lines, '\n')+1]
		l.Close()
		if !strings.HasSuffix(got, c.end+"\n") {
			t.Errorf("%s: %q, want %q", c.fields, got, c.end)
		}
		if c.format == JSON && strings.Count(got, `"client"`) > 1 {
			t.Errorf("%q has a client twice", got)
		}
	}
}
