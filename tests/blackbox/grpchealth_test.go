package blackbox

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

const (
	healthService = "/grpc.health.v1.Health/"

	// HealthCheckResponses.
	isServing    = "\x08\x01"
	isNotServing = "\x08\x02"
	isNoService  = "\x08\x03"
)

// What is no HealthCheckRequest is refused; fields that are not known are none of its business.
func TestGRPC_health(t *testing.T) {
	c := startGRPC(t, plain)
	for _, method := range []string{"Check", "Watch"} {
		for _, message := range []string{"\x0a", "\x0a\x05abc", "\x0b", "\x0c", "\x0d123", "\x0f", "\x80", "\x02\x00", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
			c.check(c.send(healthService+method, strings.NewReader(framed(message))), "3", "the message is no HealthCheckRequest")
		}
	}
	for _, message := range []string{"", "\x0a\x00", "\x10\x01", "\x1d1234", "\x1912345678", "\x22\x02ab", "\x0a\x04none\x0a\x00"} {
		c.check(c.send(healthService+"Check", strings.NewReader(framed(message))), "0", "", isServing)
	}
	c.check(c.send(healthService+"Check", strings.NewReader(framed("\x0a\x04none"))), "5", "unknown service")
	c.stop(syscall.SIGTERM)
}

// watch begins a call of Watch, and returns it when its first message is there.
func (c *rpc) watch(service, first string) *chat {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.t.Cleanup(cancel)
	message := "\x0a" + string(rune(len(service))) + service
	resp, err := c.client.Do(c.request(ctx, healthService+"Watch", strings.NewReader(framed(message)), nil))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	k := &chat{rpc: c, resp: resp, cancel: cancel}
	k.expect(first)
	return k
}

func (k *chat) expect(message string) {
	k.t.Helper()
	if got := k.receive(); got != message {
		k.t.Fatalf("%q comes, not %q", got, message)
	}
}

// setHealth has the program say what a service is.
func (c *rpc) setHealth(service string, status int) {
	c.t.Helper()
	c.check(c.say("Health", fmt.Sprint(service, " ", status)), "0", "", "0")
}

// Calls of Watch are told what a service is, and whatever it becomes, once; those on other connections, of other workers, too. One that
// has ended is forgotten.
func TestGRPC_watch(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for _, dispatch := range []string{"inline", "pool"} {
			c := startGRPC(t, b, "workers=2", "dispatch="+dispatch)
			all := c.watch("", isServing)
			none := c.watch("none", isNoService)
			var echo []*chat
			for range 12 {
				other := &rpc{c.program, c.http2Client(nil)} // A connection of its own: some are the other worker's.
				echo = append(echo, other.watch("test.Echo", isServing))
			}
			for i, status := range []int{2, 2, 1, 0, 2, 1} {
				c.setHealth("test.Echo", status)
				if i == 1 {
					continue // Nothing has changed.
				}
				for _, k := range echo {
					k.expect([]string{"", isServing, isNotServing}[status])
				}
				if gone := len(echo) - 1; i%2 == 0 {
					echo[gone].cancel()
					echo = echo[:gone]
				}
			}
			c.setHealth("all", 2)
			all.expect(isNotServing)
			none.cancel()
			c.stop(syscall.SIGTERM)
		}
	})
}

// A worker that drains tells those who watch that it does not serve, and ends their calls: with a reload the next worker has them.
func TestGRPC_watchOverADrain(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b)
		before, late, none := c.watch("test.Echo", isServing), c.watch("test.Late", ""), c.watch("none", isNoService)
		c.signal(syscall.SIGHUP)
		before.expect(isNotServing)
		c.check(before.end(), "14", "the worker drains")
		c.check(late.end(), "14", "the worker drains", isNotServing)
		c.check(none.end(), "14", "the worker drains")
		next := &rpc{c.program, c.http2Client(nil)}
		after := next.watch("test.Echo", isServing)
		next.setHealth("test.Echo", 2)
		after.expect(isNotServing)
		c.stop(syscall.SIGTERM)
	})
}

// What a program says before it runs in its own process, and while it does, is told there too.
func TestGRPC_watchWithoutWorkers(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "grpc.c", env: environment([]string{"workers=0", "h2c=on"})})
		p.waitAnnounced(1)
		p.address(0)
		c := &rpc{p, p.http2Client(nil)}
		k := c.watch("test.Echo", isServing)
		c.setHealth("test.Echo", 2)
		k.expect(isNotServing)
		c.setHealth("test.Echo", 1)
		k.expect(isServing)
		c.signal(syscall.SIGTERM)
		k.expect(isNotServing)
		c.check(k.end(), "14", "the worker drains")
		c.wait()
	})
}
