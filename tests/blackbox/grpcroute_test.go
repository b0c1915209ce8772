package blackbox

import (
	"strings"
	"syscall"
	"testing"
)

// Methods below the prefix of a group come to its functions, whoever has registered them and in whatever order. A guard's refusal goes
// before all that a method says of its messages, and what it lets pass is as without one.
func TestGRPC_guardCannotBePassedBy(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		for _, dispatch := range []string{"inline", "pool"} {
			c := startGRPC(t, b, "dispatch="+dispatch)
			for _, method := range []string{"Say", "Many", "Count", "Chat", "Negative", "Inside", "None", "Say/", ""} {
				for _, body := range []string{framed("x"), framed("x", "y"), zipped("x"), framed(strings.Repeat("x", 1<<20)), "", "\x00\x00", "\x02\x00\x00\x00\x00"} {
					for _, path := range []string{"/test.Guarded/" + method, "/%74est.Guarded/" + method, "/x/../test.Guarded/" + method} {
						c.check(c.send(path, strings.NewReader(body)), "16", "no key")
					}
				}
			}
			c.check(c.send("/test.Elsewhere/Any", strings.NewReader(framed("x"))), "16", "no key")
			c.check(c.send("/test.Elsewhere/AnyOther", strings.NewReader(framed("x"))), "0", "", "x")
			large := strings.Repeat("x", 1<<20)
			say := func(method string, messages ...string) *reply {
				return c.send("/test.Guarded/"+method, strings.NewReader(framed(messages...)), "Key: 1")
			}
			c.check(say("Say", large), "0", "", large)
			c.check(say("Say", ""), "0", "", "")
			c.check(say("Inside", "y"), "0", "", "y")
			c.check(say("Count", large, "a", ""), "0", "", "3 messages, 1048577 bytes")
			c.check(say("Chat", "a", "b"), "0", "", "a", "b")
			c.check(say("Say", "a", "b"), "12", "the call has more than one message, where the method takes one")
			c.check(say("Negative", ""), "13", "the handler has failed")
			c.check(say("None", ""), "12", "Not Found")
			got := c.send("/test.Guarded/Many", strings.NewReader(framed("m")), "Key: 1", "Times: 3")
			c.check(got, "0", "all sent", "m", "m", "m")
			c.stop(syscall.SIGTERM)
		}
	})
}

// What is wrong with methods is said when they are registered, of groups when the server starts.
func TestGRPC_setupHasSentences(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		p := start(t, setup{build: &b, source: "grpcsetup.c"})
		if code := p.wait(); code != 0 {
			t.Errorf("it ends with %d", code)
		}
		for _, want := range []string{
			`malformed: -7: grpc a.B/C: a method is written "/package.Service/Method"`,
			`kind: -1: grpc /a.B/C: kind 4 is none of FORKER_GRPC_*`,
			`group: -7: grpc /a/b/C: a method is written "/package.Service/Method"`,
			`twice: -7: handle POST /a.B/C: POST /a.B/C has a handler already`,
			`body: -5: route set body of /a.B/C: it is a gRPC method, which takes messages and no body; option grpc_max_message is their limit`,
			`max_body: -5: route set max_body of /a.B/C: it is a gRPC method, which takes messages and no body; option grpc_max_message is their limit`,
			`no method: -5: route set grpc_max_message of GET /a: it is no gRPC method`,
			`no size: -5: route set grpc_max_reply of POST /a.B/C: "5g" is not a size up to 4g`,
			`groups: -7: run: the gRPC method /a.B/C is below /:any and /a.B, two groups of which neither is inside of the other; ` +
				`register it by forker_group_grpc() in that which it belongs to`,
			`host: -7: run: the gRPC method /a.B/C is of all hosts, and below /a.B of api.example.org; register it by forker_group_grpc() ` +
				`where it belongs to`,
			`no set: -1: grpc_descriptors: this is no FileDescriptorSet; protoc --descriptor_set_out writes one`,
			`file alone: -1: grpc_descriptors: this is no FileDescriptorSet; protoc --descriptor_set_out writes one`,
			`no bytes: -1: grpc_descriptors: there is no set of 5 bytes at (nil)`,
			`no length: -1: grpc_descriptors: there is no set of 0 bytes at `,
			`no import: -1: grpc_descriptors: a.proto imports b.proto, which is in no set; protoc --include_imports puts it there`,
			`no name: -1: grpc_descriptors: a.proto is malformed`,
			`other file: -1: grpc_descriptors: there are two that are called a.proto`,
			`other symbol: -1: grpc_descriptors: p.M is in a.proto and in b.proto`,
			`again: 0: `,
			`health: -7: handle POST /grpc.health.v1.Health/List: POST /grpc.health.v1.Health/List has a handler already`,
			`reflection: -7: handle POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo: ` +
				`POST /grpc.reflection.v1.ServerReflection/ServerReflectionInfo has a handler already`,
			`none: 0: `,
		} {
			p.out.wait(t, 0, want)
		}
	})
}

// A method has options of its own, but for those that are about bodies.
func TestGRPC_methodsHaveOptions(t *testing.T) {
	c := startGRPC(t, plain)
	c.check(c.send("/test.Pooled/Thread", strings.NewReader(framed(""))), "0", "", "other")
	c.check(c.send("/test.Inline/Thread", strings.NewReader(framed(""))), "0", "", "main")
	c.stop(syscall.SIGTERM)
}

// The limits of messages, and from where on they are compressed, are those of the method, else of its group.
func TestGRPC_methodsHaveLimits(t *testing.T) {
	eachBuild(t, func(t *testing.T, b build) {
		c := startGRPC(t, b, "grpc_max_message=2m", "grpc_compress=0")
		const tooLarge = "a message is larger than option grpc_max_message"
		send := func(method, body string, fields ...string) *reply {
			return c.send("/test.Small/"+method, strings.NewReader(body), append(fields, "Grpc-Encoding: gzip", "Grpc-Accept-Encoding: gzip")...)
		}
		most, over := strings.Repeat("m", 1000), strings.Repeat("m", 1001)
		c.check(send("Say", framed(most)), "0", "", most)
		c.check(send("Say", zipped(most)), "0", "", most)
		c.check(send("Say", framed(over)), "8", tooLarge)
		c.check(send("Say", zipped(over)), "8", tooLarge)
		c.check(send("Many", zipped(over)), "8", tooLarge)
		c.check(send("Count", framed(most, "")+zipped(most)), "0", "", "3 messages, 2000 bytes")
		c.check(send("Count", framed(most, over)), "8", tooLarge)
		c.check(send("Count", zipped(most, over)), "8", tooLarge)
		c.check(send("Chat", framed(over)), "8", tooLarge)
		c.check(send("Chat", zipped(over)), "8", tooLarge)
		c.check(send("Over", framed("")), "0", "", "-12: grpc_reply: 2000 bytes are more than option grpc_max_reply, 1500\n"+
			"-12: grpc_reserve: 2000 bytes are more than option grpc_max_reply, 1500\n")
		large := strings.Repeat("m", 1500)
		c.check(send("Large", zipped(large), "Times: 2"), "0", "all sent", large, large)
		c.check(send("Large", zipped(large+"m"), "Times: 2"), "8", "grpc_send: 1501 bytes are more than option grpc_max_reply, 1500")
		c.check(send("Large", framed(strings.Repeat("m", 4<<20)), "Times: 0"), "0", "all sent")
		for _, row := range []struct {
			method string
			size   int
			want   bool
		}{{"Small/Say", 99, false}, {"Small/Say", 100, true}, {"Small/Many", 100, true}, {"Small/Many", 99, false}, {"Echo/Say", 100_000, false}, {"Echo/Many", 100_000, false}} {
			got := c.send("/test."+row.method, strings.NewReader(framed(strings.Repeat("m", row.size))), "Times: 1", "Grpc-Accept-Encoding: gzip")
			if len(got.zipped) != 1 || got.zipped[0] != row.want {
				t.Errorf("%+v: %v", row, got.zipped)
			}
		}
		c.check(c.send("/test.Echo/Say", strings.NewReader(framed(strings.Repeat("m", 2<<20+1)))), "8", tooLarge)
		c.stop(syscall.SIGTERM)
	})
}
