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
