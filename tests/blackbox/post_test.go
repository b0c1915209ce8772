package blackbox

import (
	"strings"
	"syscall"
	"testing"
)

func TestPost_callsOnTheMainThreadInOrder(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := startInMode(t, setup{build: &b, source: "post.c", args: []string{"127.0.0.1:0"}}, nil)
		p.out.wait(t, 0, "before -3")
		c := p.dial()
		c.get("/endless")
		mark := p.out.mark()
		c.get("/some")
		p.out.wait(t, mark, "fourth")
		var told []string
		for _, line := range p.out.all()[mark:] {
			told = append(told, line.text)
		}
		if got := strings.Join(told, ", "); got != "first, second, third, fourth" {
			t.Errorf("%q", got)
		}
		c.get("/threads")
		eventually(t, "all have been called", func() bool { return c.get("/count").body == "2000 of 2000\n" })
		p.stop(syscall.SIGTERM)
		p.out.wait(t, 0, "no more is taken")
		p.out.wait(t, 0, "after -3")
	})
}
