package blackbox

import (
	"strings"
	"syscall"
	"testing"
)

func TestTimer_callsOnTheMainThreadInTime(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startInMode(t, setup{build: &b, source: "timers.c", args: []string{"127.0.0.1:0"}}, nil)
		p.expectGet("/arguments", 200, "-1 -1 -1 -1 -1 -1")
		p.expectGet("/some", 200, "1")
		p.out.wait(t, 0, "timer after the cancelled one")
		var told []string
		for _, line := range p.out.all() {
			if name, is := strings.CutPrefix(line.text, "timer "); is {
				told = append(told, name)
			}
		}
		if got := strings.Join(told, ", "); got != "first, second, after the cancelled one" {
			t.Errorf("%q", got)
		}
		p.out.wait(t, 0, "repeated")
		p.expectGet("/threads", 200, "set")
		eventually(t, "all are called", func() bool { return strings.HasPrefix(p.get("/counts").body, "2000 of 2000") })
		p.expectGet("/counts", 200, "2000 of 2000, 0 strays, 0 doomed")
		p.stop(syscall.SIGTERM)
		p.out.wait(t, 0, "before -3 -1")
		p.out.wait(t, 0, "after -3 -1")
	})
}
