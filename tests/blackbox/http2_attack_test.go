package blackbox

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// attacker is a client of HTTP/2 that does what none should.
type attacker struct {
	net.Conn
	*http2.Framer
	head   bytes.Buffer
	fields *hpack.Encoder
	next   uint32
	code   atomic.Int64 // Of the GOAWAY that came, plus 1.
}

// get begins a request, perhaps with more fields, and returns its stream.
func (a *attacker) get(end bool, fields ...hpack.HeaderField) (uint32, error) {
	a.head.Reset()
	request := []hpack.HeaderField{
		{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "t"}, {Name: ":path", Value: "/"},
	}
	if !end {
		request[0].Value = "POST"
	}
	for _, field := range append(request, fields...) {
		_ = a.fields.WriteField(field) // Into memory.
	}
	a.next += 2
	id := a.next - 2
	return id, a.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: a.head.Bytes(), EndStream: end, EndHeaders: true})
}

// mostOfAttack is how often an attacker does it at most.
const mostOfAttack = 20000

// attack is attackAt for an attack on the program's first address.
func (p *program) attack(deaf bool, most int, again func(a *attacker) error) http2.ErrCode {
	p.t.Helper()
	_, name := dialName(p.address(0))
	code, err := attackAt(name, deaf, most, again)
	must(p.t, err)
	return code
}

// attackAt makes one connection, and does something again and again, until the server ends that or it was most times. It
// returns with what the server has ended it.
func attackAt(address string, deaf bool, most int, again func(a *attacker) error) (http2.ErrCode, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	a := &attacker{Conn: conn, Framer: http2.NewFramer(conn, conn), next: 1}
	a.fields = hpack.NewEncoder(&a.head)
	_, err = conn.Write([]byte(http2.ClientPreface))
	if err = errors.Join(err, a.WriteSettings(), conn.SetDeadline(time.Now().Add(patience))); err != nil {
		return 0, err
	}
	var reader sync.WaitGroup
	if !deaf {
		reader.Go(a.read)
	}
	for i := 0; i < most && err == nil && a.code.Load() == 0; i++ {
		err = again(a)
	}
	if deaf {
		a.read()
	}
	reader.Wait()
	return http2.ErrCode(a.code.Load() - 1), nil
}

// read reads until the end, and notes a GOAWAY.
func (a *attacker) read() {
	for {
		frame, err := a.ReadFrame()
		if _, ok := errors.AsType[http2.ConnectionError](err); ok {
			continue
		}
		if err != nil {
			return
		}
		if f, ok := frame.(*http2.GoAwayFrame); ok && f.ErrCode != http2.ErrCodeNo {
			a.code.Store(int64(f.ErrCode) + 1)
		}
	}
}

// attacks has what attackers do again and again, by name.
func attacks() map[string]func(a *attacker) error {
	large := make([]byte, 16<<10)
	return map[string]func(a *attacker) error{
		// Those that are answered already cost no more than others.
		"rapid reset": func(a *attacker) error { // CVE-2023-44487
			id, err := a.get(false)
			return errors.Join(err, a.WriteRSTStream(id, http2.ErrCodeCancel))
		},
		"made to reset": func(a *attacker) error { // CVE-2025-8671
			id, err := a.get(false)
			return errors.Join(err, a.WriteWindowUpdate(id, 1<<31-1), a.WriteWindowUpdate(id, 1<<31-1))
		},
		"settings":         func(a *attacker) error { return a.WriteSettings() },
		"pings":            func(a *attacker) error { return a.WritePing(false, [8]byte{}) },
		"windows":          func(a *attacker) error { return a.WriteWindowUpdate(0, 1) },
		"priorities":       func(a *attacker) error { return a.WritePriority(a.next, http2.PriorityParam{Weight: 1}) },
		"priority updates": func(a *attacker) error { return a.WriteRawFrame(0x10, 0, 0, []byte("\x00\x00\x00\x01u=1")) },
		"unknown frames":   func(a *attacker) error { return a.WriteRawFrame(0xbe, 0, 0, nil) },
		"empty data": func(a *attacker) error {
			if a.next > 1 {
				return a.WriteData(1, false, nil)
			}
			_, err := a.get(false)
			return err
		},
		"continuations": func(a *attacker) error { return a.goOn(nil) },
		"large head":    func(a *attacker) error { return a.goOn(large) },
		"bomb": func(a *attacker) error { // One field in the table, which each request names a hundred times.
			bomb := hpack.HeaderField{Name: "x", Value: string(large[:3900])}
			id, err := a.get(true, slices.Repeat([]hpack.HeaderField{bomb}, 100)...)
			return errors.Join(err, a.WriteRSTStream(id, http2.ErrCodeCancel))
		},
		"table churn": func(a *attacker) error { // Each field puts the one before out of the table.
			id, err := a.get(true, hpack.HeaderField{Name: "x", Value: fmt.Sprint(a.next) + string(large[:3900])})
			return errors.Join(err, a.WriteRSTStream(id, http2.ErrCodeCancel))
		},
	}
}

// TestHTTP2_attacksEndTheirConnectionAndTakeLittle: each is ended by GOAWAY, and takes no more than 4 MiB of memory. A
// client that behaves is served as before.
func TestHTTP2_attacksEndTheirConnectionAndTakeLittle(t *testing.T) {
	for name, again := range attacks() {
		for _, deaf := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/deaf %v", name, deaf), func(t *testing.T) {
				p := serve(t, "workers=1", "h2c=on")
				p.expectGet("/", 200, "hello\n")
				pid := p.workers()[0]
				memory := anonymous(t, pid)
				if code := p.attack(deaf, mostOfAttack, again); code != http2.ErrCodeEnhanceYourCalm {
					t.Errorf("it was ended by %v", code)
				}
				if grown := anonymous(t, pid) - memory; grown > 4<<20 {
					t.Errorf("it took %d bytes of memory", grown)
				}
				p.expectGet("/", 200, "hello\n")
			})
		}
	}
}

// TestHTTP2_attacksHarmNobody: while attackers come again and again, a client that behaves has all its responses. How long those take
// is what TestHTTP2_attacksTakeNobodysTime demands.
func TestHTTP2_attacksHarmNobody(t *testing.T) {
	requests := 10
	if long() {
		requests = 250
	}
	p := serve(t, "workers=1", "h2c=on")
	client := p.http2Client(nil)
	for name, again := range attacks() {
		t.Run(name, func(t *testing.T) {
			p := *p
			p.t = t
			stop, ended := make(chan struct{}), make(chan struct{})
			var attackers sync.WaitGroup
			defer attackers.Wait()
			defer close(stop)
			for i := range 2 {
				attackers.Go(func() { p.attackUntil(stop, ended, i == 1, again) })
			}
			for range 10 { // Attackers come and go meanwhile.
				select {
				case <-ended:
				case <-time.After(patience):
					t.Fatal("no attack is ended")
				}
				timesOf(t, client, requests)
			}
		})
	}
}

// attackUntil attacks again and again, until stop is closed. ended is told of attacks that were ended, if somebody wants to know.
func (p *program) attackUntil(stop, ended chan struct{}, deaf bool, again func(a *attacker) error) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if code := p.attack(deaf, mostOfAttack, again); code != http2.ErrCodeEnhanceYourCalm {
			p.t.Errorf("an attack was ended by %v", code)
		}
		select {
		case ended <- struct{}{}:
		default:
		}
	}
}

// timesOf sends requests one after the other, and returns how long they take.
func timesOf(t *testing.T, client *http.Client, requests int) []time.Duration {
	t.Helper()
	took := make([]time.Duration, requests)
	for i := range took {
		begin := time.Now()
		fetch(t, client, newRequest(t, "GET", "/", nil))
		took[i] = time.Since(begin)
	}
	return took
}

// slowOf returns how long 99 of a hundred take at most.
func slowOf(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)*99/100]
}

// goOn has a section of fields that never ends go on.
func (a *attacker) goOn(more []byte) error {
	if a.next > 1 {
		return a.WriteContinuation(1, false, more)
	}
	a.next += 2
	return a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0x82}, EndStream: true})
}

// TestHTTP2_roomForNoResponseIsEnded: a client that asks and gives no room for the responses holds no more than its streams,
// until write_timeout ends it.
func TestHTTP2_roomForNoResponseIsEnded(t *testing.T) {
	p := serve(t, "workers=1", "h2c=on", "write_timeout=1s")
	pid := p.workers()[0]
	before, most := anonymous(t, pid), 0
	begin := time.Now()
	p.attack(false, 1000, func(a *attacker) error {
		if a.next == 1 {
			must(t, a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
		}
		_, err := a.get(true)
		most = max(most, anonymous(t, pid)-before)
		return err
	})
	if took := time.Since(begin); most > 4<<20 || took > patience/2 {
		t.Errorf("it took %d bytes of memory, and %v", most, took)
	}
	p.expectGet("/", 200, "hello\n")
}

// TestHTTP2_bodiesOfAllStreamsTakeLittle: a client that uploads on all streams of a connection at once, and ends none of it, takes no more memory
// than one body may. The rest is in files.
func TestHTTP2_bodiesOfAllStreamsTakeLittle(t *testing.T) {
	p := serve(t, "workers=1", "h2c=on", "body_buffer=1m", "spill_dir="+t.TempDir(), "read_body_timeout=1s", "body_min_rate=0", "idle_timeout=500ms")
	pid := p.workers()[0]
	before, most := anonymous(t, pid), 0
	p.attack(false, 100, func(a *attacker) error {
		id, err := a.get(false)
		for range 15 { // Just what a stream's window has room for.
			err = errors.Join(err, a.WriteData(id, false, make([]byte, 16<<10)))
		}
		most = max(most, anonymous(t, pid)-before)
		return err
	})
	if most > 4<<20 {
		t.Errorf("it took %d bytes of memory", most)
	}
	p.expectGet("/", 200, "hello\n")
}
