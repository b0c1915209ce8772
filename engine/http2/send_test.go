package http2

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func setting(id uint16, value uint32) string {
	return string(appendSetting(nil, id, value))
}

func increase(c *client, id, by uint32) {
	c.raw(8, 0, id, string(binary.BigEndian.AppendUint32(nil, by)))
}

// send sends bodies of the given sizes as far as the windows allow, and returns the frames. A stream without more is at rest.
func (c *client) send(bodies map[*Stream]int, most int) string {
	for range most {
		s, room := c.conn.Turn()
		if s == nil {
			break
		}
		n := min(room, bodies[s])
		c.out.Write(c.conn.AppendData(nil, s, n, false))
		c.out.Write(make([]byte, n))
		if bodies[s] -= n; bodies[s] == 0 {
			c.conn.Rest(s)
		}
	}
	return strings.ReplaceAll(c.sent(), " false", "")
}

func TestTurn_staysWithinTheWindows(t *testing.T) {
	c := greeted(t)
	c.raw(4, 0, 0, setting(settingWindow, 100)).step()
	c.sent()
	one, two := c.open(1, true), c.open(3, true)
	bodies := map[*Stream]int{one: 1000, two: 70000}
	c.conn.Want(one)
	c.conn.Want(two)
	step := func(want string) {
		t.Helper()
		c.step()
		_ = c.conn.AppendControl(nil)
		if got := c.send(bodies, 100); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	step("DATA 1 100; DATA 3 100")
	if !c.conn.Blocked(one) {
		t.Error("stream 1 waits for nothing")
	}
	increase(c, 1, 50)
	step("DATA 1 50")
	// A window that a setting makes negative opens when it is positive again.
	c.raw(4, 0, 0, setting(settingWindow, 40))
	step("")
	increase(c, 1, 60)
	step("")
	increase(c, 1, 1)
	step("DATA 1 1")
	c.raw(4, 0, 0, setting(settingWindow, 60))
	step("DATA 1 20")
	// That of the connection.
	increase(c, 3, 100000)
	step("DATA 3 16384; DATA 3 16384; DATA 3 16384; DATA 3 16112")
	if s, room := c.conn.Turn(); s != nil || room != 0 {
		t.Error("there is room left for", s.ID(), room)
	}
	increase(c, 1, 100)
	increase(c, 0, 7)
	step("DATA 3 7")
	increase(c, 0, 200)
	step("DATA 1 100; DATA 3 100")
	// An end needs no window.
	c.out.Write(c.conn.AppendData(nil, one, 0, true))
	if got := c.sent(); got != "DATA 1 0 true" || !one.Ended() {
		t.Error(got)
	}
	c.conn.Want(one)
	increase(c, 1, 1000)
	increase(c, 0, 1000)
	step("DATA 3 1000")
}

func TestTurn_goesByUrgency(t *testing.T) {
	c := greeted(t)
	bodies := map[*Stream]int{}
	for i, urgency := range []string{"", "u=1", "u=7", "i, u=1", "u=3;x, i"} {
		fields := slices.Clone(getFields)
		if urgency != "" {
			fields = append(fields, "priority: "+urgency)
		}
		s := c.open(uint32(2*i+1), true, fields...)
		bodies[s] = 100
		c.conn.Want(s)
		c.conn.Want(s)
	}
	// One frame each in turn.
	order := func(frames int) string {
		var ids []string
		for range frames {
			s, _ := c.conn.Turn()
			if s == nil {
				break
			}
			ids = append(ids, fmt.Sprint(s.ID()))
			_ = c.conn.AppendData(nil, s, 1, false)
		}
		return strings.Join(ids, " ")
	}
	if got := order(5); got != "3 7 3 7 3" {
		t.Error(got)
	}
	c.conn.Rest(c.heads[3])
	c.conn.Rest(c.heads[3])
	if got := order(2); got != "7 7" {
		t.Error(got)
	}
	c.raw(16, 0, 0, "\x00\x00\x00\x07u=4").raw(16, 0, 0, "\x00\x00\x00\x05u=0").step()
	if got := order(2); got != "5 5" {
		t.Error(got)
	}
	c.conn.Release(c.heads[5])
	if got := order(4); got != "1 9 1 9" {
		t.Error(got)
	}
	c.conn.Rest(c.heads[1])
	c.raw(3, 0, 9, "\x00\x00\x00\x08").step()
	if got := order(2); got != "7 7" {
		t.Error(got)
	}
	c.conn.Rest(c.heads[7])
	if got := order(2); got != "" {
		t.Error(got)
	}
}

func TestUrgencyOf(t *testing.T) {
	for _, row := range []struct {
		value string
		want  uint8
	}{
		{"", 3},
		{"u=0", 0},
		{"u=7", 7},
		{"u=8", 3},
		{"u=-1", 3},
		{"i", 3},
		{"u=1, i", 1},
		{" i ,\tu=2 ", 2},
		{"u=1,u=5", 5},
		{"u=5;a=b", 5},
		{"u", 3},
		{"u=", 3},
		{"u=12", 3},
		{"U=1", 3},
		{"xu=1", 3},
		{",", 3},
		{"u=1,,u=9", 1},
	} {
		if got := urgencyOf([]byte(row.value), defaultUrgency); got != row.want {
			t.Errorf("%q: %d, want %d", row.value, got, row.want)
		}
	}
}

// The connection's window opens as frames come, that of a stream when its body is taken.
func TestTake_opensTheWindow(t *testing.T) {
	c := greeted(t)
	s := c.open(1, false, postFields...)
	for range streamWindow / maxFrame {
		c.data(1, false, maxFrame)
	}
	c.step()
	if got := c.sent(); got != "" {
		t.Error("a body that nobody has taken is credited:", got)
	}
	c.conn.Take(s, streamWindow/2-1)
	if got := c.sent(); got != "" {
		t.Error(got)
	}
	c.conn.Take(s, 1)
	if got := c.sent(); got != fmt.Sprintf("WINDOW_UPDATE 1 %d", streamWindow/2) {
		t.Error(got)
	}
	for range streamWindow / 2 / maxFrame {
		c.data(1, false, maxFrame)
	}
	c.step()
	c.data(1, false, 1).expect("reset 1 FLOW_CONTROL_ERROR", "RST_STREAM 1 FLOW_CONTROL_ERROR")
	// Of a stream that was reset the connection's window counts all the same.
	c.conn.Release(s)
	for range 10 {
		c.data(1, false, maxFrame)
	}
	c.expect("", fmt.Sprintf("WINDOW_UPDATE 0 %d", connWindow/2+1))
	// Padding is taken at once.
	c.open(3, false, postFields...)
	for range streamWindow / 2 / 256 {
		c.raw(0, 8, 3, "\xff"+strings.Repeat("\x00", 255))
	}
	c.conn.useless.tokens = 1 << 30
	c.expect("", fmt.Sprintf("WINDOW_UPDATE 3 %d", streamWindow/2))
}

func TestNext_endsAClientThatOverrunsTheConnection(t *testing.T) {
	c := greeted(t)
	var want []string
	c.conn.recvWindow = 100
	for i := range 3 {
		c.open(uint32(2*i+1), false, postFields...)
	}
	c.data(1, false, 50).data(3, false, 50).data(5, false, 1)
	want = append(want, "data 1 50", "data 3 50", "failed FLOW_CONTROL_ERROR")
	c.expect(strings.Join(want, "; "), "GOAWAY 5 FLOW_CONTROL_ERROR")
}
