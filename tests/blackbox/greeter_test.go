package blackbox

import (
	"strings"
	"syscall"
	"testing"
)

func TestExampleGreeter_greets(t *testing.T) {
	p := example(t, setup{args: []string{"127.0.0.1:0"}}, "greeter")
	_, address, _ := strings.Cut(p.log.wait(t, 0, "serving on 127.0.0.1:").text, "serving on ")
	p.ports = append(p.ports, address)
	c := &rpc{p, p.http2Client(nil)}
	const method = "/helloworld.Greeter/SayHello"
	send := func(message string) *reply { return c.send(method, strings.NewReader(framed(message))) }
	c.check(send("\x0a\x03you"), "0", "", "\x0a\x09Hello you")
	c.check(send(""), "0", "", "\x0a\x06Hello ")
	for _, bad := range []string{"\x0a", "\x0a\x04you", "\x12\x03you", "\x0a\x65" + strings.Repeat("x", 101), "\x0a\xff\x01"} {
		c.check(send(bad), "3", "the name has more than 100 bytes, or there are other fields")
	}
	p.stop(syscall.SIGINT)
}
