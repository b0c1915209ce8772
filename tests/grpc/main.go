// Command grpc is a client of grpc-go's: `grpc echo ADDRESS [CA]` calls the methods of tests/blackbox/testdata/grpc.c, `grpc interop ADDRESS
// [CA]` those of interop.c as gRPC's own tests do, `grpc greet|describe|probe ADDRESS` those of examples. `grpc set` writes a
// FileDescriptorSet for grpc.c, `grpc own` the library's own (reflectionown.c), `grpc interopset` one for what interop calls. It writes what
// is not as it should be, and ends with status 1 if something is.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// patience is how long a call may take.
const patience = 20 * time.Second

// text is a codec for messages that are no protobuf: *string both ways.
type text struct{}

func (text) Name() string { return "proto" }

func (text) Marshal(v any) ([]byte, error) { return []byte(*v.(*string)), nil }

func (text) Unmarshal(data []byte, v any) error {
	*v.(*string) = string(data)
	return nil
}

type client struct {
	*grpc.ClientConn
	plain *grpc.ClientConn // Of protobuf messages.
	dial  func() (*grpc.ClientConn, error)
}

func main() {
	switch os.Args[1] {
	case "own":
		end(writeOwn(os.Stdout))
	case "interopset":
		end(writeInterop(os.Stdout))
	case "set":
		packed, err := proto.Marshal(echoFiles())
		if err == nil {
			_, err = os.Stdout.Write(packed)
		}
		end(err)
	}
	creds := insecure.NewCredentials()
	if len(os.Args) > 3 {
		var err error
		if creds, err = credentials.NewClientTLSFromFile(os.Args[3], ""); err != nil {
			fail(err)
		}
	}
	dial := grpc.WithTransportCredentials(creds)
	if os.Args[1] == "interop" {
		conn, err := grpc.NewClient(os.Args[2], dial)
		if err != nil {
			fail(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		callInterop(ctx, conn)
		chain := ""
		if len(os.Args) > 3 {
			chain = os.Args[3]
		}
		raw, err := newRawClient(os.Args[2], chain)
		if err == nil {
			err = callCompression(ctx, raw)
		}
		end(err)
	}
	if call := exampleCalls[os.Args[1]]; call != nil {
		conn, err := grpc.NewClient(os.Args[2], dial)
		if err != nil {
			fail(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		end(call(ctx, conn))
	}
	conn, err := grpc.NewClient(os.Args[2], dial, grpc.WithDefaultCallOptions(
		grpc.ForceCodec(text{}), grpc.MaxCallRecvMsgSize(16<<20), grpc.MaxCallSendMsgSize(16<<20)))
	if err != nil {
		fail(err)
	}
	connect := func() (*grpc.ClientConn, error) { return grpc.NewClient(os.Args[2], dial) }
	plain, err := connect()
	if err != nil {
		fail(err)
	}
	callEcho(&client{conn, plain, connect})
}

func end(err error) {
	if err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// callEcho calls the methods of grpc.c.
func callEcho(c *client) {
	var all []error
	for _, test := range []func(context.Context) error{
		c.unary, c.statuses, c.details, c.metadata, c.deadline, c.zipped, c.tooLarge, c.serverStream, c.clientStream, c.bidi, c.cancel, c.many, c.health, c.watch, c.reflection,
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		all = append(all, test(ctx))
		cancel()
	}
	if err := errors.Join(all...); err != nil {
		fail(err)
	}
}

func (c *client) say(ctx context.Context, method, message string, options ...grpc.CallOption) (string, error) {
	var reply string
	err := c.Invoke(ctx, "/test.Echo/"+method, &message, &reply, options...)
	return reply, err
}

func (c *client) unary(ctx context.Context) error {
	for _, method := range []string{"Say", "Pack", "Later"} {
		for _, size := range []int{0, 1, 271828, 4 << 20} {
			message := strings.Repeat("m", size)
			if got, err := c.say(ctx, method, message); err != nil || got != message {
				return fmt.Errorf("%s of %d bytes: %d bytes, %w", method, size, len(got), err)
			}
		}
	}
	return nil
}

// expect reports whether err is a status with this code and text.
func expect(what string, err error, code codes.Code, message string) error {
	if s := status.Convert(err); s.Code() != code || s.Message() != message {
		return fmt.Errorf("%s: %v, want %v %q", what, err, code, message)
	}
	return nil
}

func (c *client) statuses(ctx context.Context) error {
	var all []error
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		message := "\t100 % \u00e9\u4e16\U0001f600\r\n"
		_, err := c.say(metadata.AppendToOutgoingContext(ctx, "code", fmt.Sprint(int(code))), "Fail", message)
		all = append(all, expect("Fail", err, code, message))
	}
	_, err := c.say(ctx, "NoSuchMethod", "")
	all = append(all, expect("NoSuchMethod", err, codes.Unimplemented, "Not Found"))
	_, err = c.say(ctx, "Next", "")
	all = append(all, expect("Next", err, codes.Unimplemented, "Not Found"))
	_, err = c.say(ctx, "Negative", "")
	all = append(all, expect("Negative", err, codes.Internal, "the handler has failed"))
	return errors.Join(all...)
}

func (c *client) details(ctx context.Context) error {
	packed, err := proto.Marshal(&spb.Status{Code: 5, Message: "gone"})
	if err != nil {
		return err
	}
	_, err = c.say(metadata.AppendToOutgoingContext(ctx, "code", "5", "details-bin", string(packed)), "Fail", "gone")
	return expect("details", err, codes.NotFound, "gone")
}

func (c *client) metadata(ctx context.Context) error {
	var header, trailer metadata.MD
	bytes := "\x00\xff\x01\xfe"
	ctx = metadata.AppendToOutgoingContext(ctx, "x-text", "a text", "x-bytes-bin", bytes)
	if _, err := c.say(ctx, "Meta", "", grpc.Header(&header), grpc.Trailer(&trailer)); err != nil {
		return err
	}
	got := fmt.Sprint(header["x-text"], header["x-bytes-bin"], trailer["x-last"], trailer["x-last-bin"])
	if want := fmt.Sprint([]string{"a text"}, []string{bytes}, []string{"a text"}, []string{bytes}); got != want {
		return fmt.Errorf("metadata: %q, want %q", got, want)
	}
	return nil
}

func (c *client) deadline(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := c.say(ctx, "Never", ""); status.Code(err) != codes.DeadlineExceeded {
		return fmt.Errorf("deadline: %w", err)
	}
	return nil
}

// zipped makes calls whose messages are compressed.
func (c *client) zipped(ctx context.Context) error {
	option := grpc.UseCompressor(gzip.Name)
	for _, size := range []int{0, 1, 271828, 4 << 20} {
		message := strings.Repeat("m", size)
		if got, err := c.say(ctx, "Say", message, option); err != nil || got != message {
			return fmt.Errorf("compressed, %d bytes: %d bytes, %w", size, len(got), err)
		}
	}
	_, err := c.say(ctx, "Say", strings.Repeat("x", 4<<20+1), option)
	if status.Code(err) != codes.ResourceExhausted {
		return fmt.Errorf("a compressed message that is too large: %w", err)
	}
	s, err := c.open(ctx, "Count", option)
	if err != nil {
		return err
	}
	for _, size := range []int{27182, 0, 3 << 20} {
		message := strings.Repeat("m", size)
		if err := s.SendMsg(&message); err != nil {
			return err
		}
	}
	var got string
	err = errors.Join(s.CloseSend(), s.RecvMsg(&got))
	if want := "3 messages, 3172910 bytes"; err != nil || got != want {
		return fmt.Errorf("Count, compressed: %q, %w; want %q", got, err, want)
	}
	return nil
}

func (c *client) tooLarge(ctx context.Context) error {
	_, err := c.say(ctx, "Say", strings.Repeat("x", 4<<20+1))
	if status.Code(err) != codes.ResourceExhausted {
		return fmt.Errorf("a message that is too large: %w", err)
	}
	return nil
}

func (c *client) open(ctx context.Context, method string, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/"+method, options...)
}

func (c *client) serverStream(ctx context.Context) error {
	for _, method := range []string{"Many", "ManyLater"} {
		s, err := c.open(metadata.AppendToOutgoingContext(ctx, "times", "2000"), method)
		if err != nil {
			return err
		}
		message := strings.Repeat("m", 1500) // Compressed, with option grpc_compress of callByGRPCGo.
		if err := errors.Join(s.SendMsg(&message), s.CloseSend()); err != nil {
			return err
		}
		n := 0
		for ; err == nil; n++ {
			var got string
			if err = s.RecvMsg(&got); err == nil && got != message {
				return fmt.Errorf("%s: another message: %q", method, got)
			}
		}
		if n-1 != 2000 || err != io.EOF || fmt.Sprint(s.Trailer()["x-behind"]) != "[last]" {
			return fmt.Errorf("%s: %d messages, %w, %v", method, n-1, err, s.Trailer())
		}
	}
	return nil
}

func (c *client) clientStream(ctx context.Context) error {
	s, err := c.open(ctx, "Count")
	if err != nil {
		return err
	}
	for _, size := range []int{27182, 8, 1828, 45904, 0, 3 << 20} {
		message := strings.Repeat("m", size)
		if err := s.SendMsg(&message); err != nil {
			return err
		}
	}
	var got string
	err = errors.Join(s.CloseSend(), s.RecvMsg(&got))
	if want := "6 messages, 3220650 bytes"; err != nil || got != want {
		return fmt.Errorf("Count: %q, %w; want %q", got, err, want)
	}
	return nil
}

func (c *client) bidi(ctx context.Context) error {
	s, err := c.open(ctx, "Chat")
	if err != nil {
		return err
	}
	for i := range 2000 {
		message, got := fmt.Sprint("message ", i), ""
		if i%10 == 3 {
			message = "pause"
		}
		if err := errors.Join(s.SendMsg(&message), s.RecvMsg(&got)); err != nil || got != message {
			return fmt.Errorf("Chat: %q, %w; want %q", got, err, message)
		}
	}
	var got string
	if err := errors.Join(s.CloseSend(), s.RecvMsg(&got)); err != io.EOF && !errors.Is(err, io.EOF) {
		return fmt.Errorf("the end of Chat: %w", err)
	}
	if s, err = c.open(ctx, "Refuse"); err != nil {
		return err
	}
	return expect("Refuse", s.RecvMsg(&got), codes.PermissionDenied, "not you")
}

func (c *client) cancel(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s, err := c.open(ctx, "Chat")
	if err != nil {
		return err
	}
	message, got := "message", ""
	if err := errors.Join(s.SendMsg(&message), s.RecvMsg(&got)); err != nil {
		return err
	}
	cancel()
	if err := s.RecvMsg(&got); status.Code(err) != codes.Canceled {
		return fmt.Errorf("cancel: %w", err)
	}
	return nil
}

// health asks the health service, of grpc_health_v1's messages. What one worker has said, all know.
func (c *client) health(ctx context.Context) error {
	for _, row := range []struct {
		set, service string
		want         healthpb.HealthCheckResponse_ServingStatus
	}{
		{"", "", healthpb.HealthCheckResponse_SERVING},
		{"", "test.Echo", healthpb.HealthCheckResponse_SERVING},
		{"", "test.Late", healthpb.HealthCheckResponse_UNKNOWN},
		{"test.Late 1", "test.Late", healthpb.HealthCheckResponse_SERVING},
		{"test.Echo 2", "test.Echo", healthpb.HealthCheckResponse_NOT_SERVING},
		{"all 2", "", healthpb.HealthCheckResponse_NOT_SERVING},
	} {
		if row.set != "" {
			if got, err := c.say(ctx, "Health", row.set); got != "0" || err != nil {
				return fmt.Errorf("Health %s: %q, %w", row.set, got, err)
			}
		}
		for range 8 { // Each on a connection of its own: some are another worker's.
			got, err := c.check(ctx, row.service)
			if err != nil || got.GetStatus() != row.want {
				return fmt.Errorf("Check %q: %v, %w; want %v", row.service, got, err, row.want)
			}
		}
	}
	all := make(map[string]string)
	list, err := healthpb.NewHealthClient(c.plain).List(ctx, &healthpb.HealthListRequest{})
	for name, response := range list.GetStatuses() {
		all[name] = response.GetStatus().String()
	}
	if want := "map[:NOT_SERVING test.Echo:NOT_SERVING test.Late:SERVING]"; err != nil || fmt.Sprint(all) != want {
		return fmt.Errorf("List: %v, %w; want %s", all, err, want)
	}
	_, none := c.check(ctx, "none")
	if got, err := c.say(ctx, "Health", "none 1"); got != "-3" && got != "-4" || err != nil {
		return fmt.Errorf("Health of what was not named: %q, %w", got, err)
	}
	return expect("Check", none, codes.NotFound, "unknown service")
}

// watch is told what a service is, and what it becomes.
func (c *client) watch(ctx context.Context) error {
	const kept = healthpb.HealthCheckResponse_SERVING
	if _, err := c.say(ctx, "Health", "test.Echo 1"); err != nil {
		return err
	}
	w, err := healthpb.NewHealthClient(c.plain).Watch(ctx, &healthpb.HealthCheckRequest{Service: "test.Echo"})
	if err != nil {
		return err
	}
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{kept, healthpb.HealthCheckResponse_NOT_SERVING, kept} {
		got, err := w.Recv()
		if err != nil || got.GetStatus() != want {
			return fmt.Errorf("Watch: %v, %w; want %v", got, err, want)
		}
		if _, err := c.say(ctx, "Health", fmt.Sprint("test.Echo ", 3-int(want))); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) check(ctx context.Context, service string) (*healthpb.HealthCheckResponse, error) {
	conn, err := c.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: service})
}

// many makes calls at the same time.
func (c *client) many(ctx context.Context) error {
	const calls = 1000
	results := make(chan error, calls)
	for i := range calls {
		go func() {
			message := fmt.Sprint(i)
			got, err := c.say(ctx, "Say", message)
			if err == nil && got != message {
				err = fmt.Errorf("Say: %q, want %q", got, message)
			}
			results <- err
		}()
	}
	var all []error
	for range calls {
		all = append(all, <-results)
	}
	return errors.Join(all...)
}
