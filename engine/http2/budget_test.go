package http2

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// Attacks: what each costs is bounded, and a client below the bound is served.

// untilFailed repeats an attack until the connection fails, at most so often, and returns how often that was and what for.
func (c *client) untilFailed(most int, attack func(i int)) (n int, why *Fault) {
	for n = range most {
		attack(n)
		c.step()
		_ = c.conn.AppendControl(nil)
		for s := range c.conn.Streams {
			if s.IsReset() {
				c.conn.Release(s)
			}
		}
		if why = c.conn.Fault(); why != nil {
			return n + 1, why
		}
	}
	return most, nil
}

func TestAttack_rapidReset(t *testing.T) {
	attack := func(c *client) func(int) {
		return func(i int) {
			id := uint32(2*i + 1)
			s := c.open(id, true)
			c.raw(3, 0, id, "\x00\x00\x00\x08").step()
			c.conn.Release(s)
		}
	}
	c := greeted(t)
	if n, why := c.untilFailed(1000, attack(c)); n != resetBurst+1 || why != ErrResets {
		t.Errorf("it ends after %d: %v", n, why)
	}
	c = greeted(t)
	c.now += int64(time.Hour)
	slow := attack(c)
	n, _ := c.untilFailed(1000, func(i int) { slow(i); c.now += int64(time.Second) / (resetsASecond - 1) })
	if n != 1000 {
		t.Errorf("one that resets %d streams a second ends after %d", resetsASecond-1, n)
	}
}

// The client makes the server reset (CVE-2025-8671).
func TestAttack_madeYouReset(t *testing.T) {
	for name, fault := range map[string]func(c *client, id uint32){
		"window 0":        func(c *client, id uint32) { c.raw(8, 0, id, "\x00\x00\x00\x00") },
		"window overflow": func(c *client, id uint32) { c.raw(8, 0, id, u31) },
		"half-closed":     func(c *client, id uint32) { c.data(id, true, 1) },
		"priority":        func(c *client, id uint32) { c.raw(2, 0, id, "\x00\x00") },
		"malformed":       func(c *client, id uint32) { c.headers(id+100000, true, "A: b") },
		"depends on self": func(c *client, id uint32) {
			id += 100000
			c.raw(1, 0x25, id, string(binary.BigEndian.AppendUint32(nil, id))+"\xff")
		},
	} {
		c := greeted(t)
		n, why := c.untilFailed(1000, func(i int) {
			id := uint32(2*i + 1)
			if c.conn.LastID() < id {
				c.open(id, true)
			}
			fault(c, id)
		})
		if n > resetBurst+1 || why != ErrResets {
			t.Errorf("%s: it ends after %d: %v", name, n, why)
		}
	}
}

func TestAttack_moreStreamsThanAllowed(t *testing.T) {
	c := newClient(t, wide, 1)
	c.in.WriteString(Preface)
	c.must(c.framer.WriteSettings())
	c.open(1, true)
	n, why := c.untilFailed(1000, func(i int) { c.headers(uint32(2*i+3), true, getFields...) })
	if n != resetBurst+1 || why != ErrResets {
		t.Errorf("it ends after %d: %v", n, why)
	}
}

func TestAttack_uselessFrames(t *testing.T) {
	for name, attack := range map[string]func(c *client){
		"SETTINGS":           func(c *client) { c.raw(4, 0, 0, "") },
		"SETTINGS acks":      func(c *client) { c.raw(4, 1, 0, "") },
		"PING":               func(c *client) { c.raw(6, 0, 0, "12345678") },
		"PING acks":          func(c *client) { c.raw(6, 1, 0, "12345678") },
		"empty DATA":         func(c *client) { c.data(1, false, 0) },
		"padding alone":      func(c *client) { c.raw(0, 8, 1, "\x01\x00") },
		"PRIORITY":           func(c *client) { c.raw(2, 0, 1, "\x00\x00\x00\x03\x10") },
		"PRIORITY_UPDATE":    func(c *client) { c.raw(16, 0, 0, "\x00\x00\x00\x01u=0") },
		"WINDOW_UPDATE":      func(c *client) { increase(c, 0, 1) },
		"stream's":           func(c *client) { increase(c, 1, 1) },
		"ended stream's":     func(c *client) { increase(c, 3, 1) },
		"unknown":            func(c *client) { c.raw(0xee, 0, 1, "") },
		"GOAWAY":             func(c *client) { c.raw(7, 0, 0, "12345678") },
		"RST_STREAM of none": func(c *client) { c.raw(3, 0, 3, "1234") },
		"ended stream's end": func(c *client) { c.data(3, true, 0) },
	} {
		begin := func() *client {
			c := greeted(t)
			c.open(1, false, postFields...)
			c.respond(c.open(3, true))
			return c
		}
		c := begin()
		if n, why := c.untilFailed(2000, func(int) { attack(c) }); n > uselessBurst+1 || why != ErrUseless {
			t.Errorf("%s: it ends after %d: %v", name, n, why)
		}
		// Between requests, or pieces of a body, as many are taken again.
		c = begin()
		n, why := c.untilFailed(3000, func(i int) {
			attack(c)
			if i%900 == 800 {
				c.respond(c.open(uint32(i*2+101), true))
			}
			if i%900 == 400 {
				c.data(1, false, 1)
			}
		})
		if n != 3000 {
			t.Errorf("%s, with requests: it ends after %d: %v", name, n, why)
		}
	}
}

// A client that keeps its connection alive, and one that only reads, are served for as long as they like.
func TestUseless_harmsNobodyWhoIsSlowOrReads(t *testing.T) {
	c := greeted(t)
	n, why := c.untilFailed(5000, func(int) {
		c.raw(6, 0, 0, "12345678")
		c.now += int64(time.Second)
	})
	if n != 5000 {
		t.Errorf("a PING a second: it ends after %d: %v", n, why)
	}
	c = greeted(t)
	s := c.open(1, true)
	c.conn.Want(s)
	n, why = c.untilFailed(5000, func(int) {
		_, room := c.conn.Turn()
		_ = c.conn.AppendData(nil, s, min(room, 100), false)
		increase(c, 0, 100)
		increase(c, 1, 100)
	})
	if n != 5000 {
		t.Errorf("a download: it ends after %d: %v", n, why)
	}
}

// A client that does not read what it has asked for.
func TestAttack_controlThatIsNotRead(t *testing.T) {
	c := greeted(t)
	n := 0
	for ; c.conn.Fault() == nil && n < 5000; n++ {
		c.conn.progress()
		c.raw(6, 0, 0, "12345678").step()
	}
	if c.conn.Fault() != ErrUnread || n > mostControl/17+1 {
		t.Errorf("%v after %d", c.conn.Fault(), n)
	}
	if size := len(c.conn.AppendControl(nil)); size > mostControl+100 {
		t.Errorf("%d bytes are kept", size)
	}
	if cap(c.conn.control) > keptControl {
		t.Errorf("%d bytes stay", cap(c.conn.control))
	}
}

func TestAttack_continuations(t *testing.T) {
	c := greeted(t)
	c.raw(1, 1, 1, "\x82")
	if n, why := c.untilFailed(100, func(int) { c.raw(9, 0, 1, "") }); n != mostContinuations+1 || why != ErrContinuations {
		t.Errorf("empty ones: it ends after %d: %v", n, why)
	}
	c = greeted(t)
	c.raw(1, 1, 1, strings.Repeat("\x82", 10000)).raw(9, 0, 1, strings.Repeat("\x82", 6384))
	if got := c.step(); got != "" || !c.conn.InSection() {
		t.Error("a section within the limit:", got)
	}
	c.raw(9, 0, 1, "\x82")
	if c.step(); c.conn.Fault() != ErrContinuations {
		t.Error("one beyond:", c.conn.Fault())
	}
}

// A small section that decodes to a large list (CVE-2016-6581): nothing beyond the limit is copied, and the next request is right.
func TestAttack_hpackBomb(t *testing.T) {
	c := greeted(t)
	c.headers(1, true, append(getFields[:4:4], "a: "+strings.Repeat("x", 4000))...).step()
	c.conn.Release(c.heads[1])
	c.sent()
	get := string(c.section(getFields...))
	c.raw(1, 5, 3, get+strings.Repeat("\xbe", 16000))
	if got, want := c.step(), "head 3 431 "+ErrHeadTooLarge.Reason+" end"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if c.used > wide.Head {
		t.Errorf("%d bytes were written", c.used)
	}
	c.headers(5, true, getFields...)
	if got := c.step(); got != "head 5 GET / host=h end" {
		t.Error(got)
	}
}
