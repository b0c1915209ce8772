package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// exampleCalls are the calls of examples_c, by the argument that asks for them.
var exampleCalls = map[string]func(context.Context, *grpc.ClientConn) error{"greet": greet, "describe": described, "probe": probe}

const greeter = "/helloworld.Greeter/"

// greet calls a helloworld.Greeter. A HelloRequest and a HelloReply have what a StringValue has.
func greet(ctx context.Context, conn *grpc.ClientConn) error {
	for _, name := range []string{"you", "", "\u00e9\u4e16\U0001f600", strings.Repeat("x", 100)} {
		var reply wrapperspb.StringValue
		err := conn.Invoke(ctx, greeter+"SayHello", wrapperspb.String(name), &reply)
		if want := "Hello " + name; err != nil || reply.Value != want {
			return fmt.Errorf("SayHello: %q, %w; want %q", reply.Value, err, want)
		}
		if err := greetOften(ctx, conn, name); err != nil {
			return err
		}
	}
	malformed := "\x0a\x05ab"
	for _, method := range []string{"SayHello", "SayHelloStreamReply"} {
		var reply string
		err := conn.Invoke(ctx, greeter+method, &malformed, &reply, grpc.ForceCodec(text{}))
		if status.Code(err) != codes.InvalidArgument {
			return fmt.Errorf("%s of what is no HelloRequest: %w", method, err)
		}
	}
	return nil
}

func greetOften(ctx context.Context, conn *grpc.ClientConn, name string) error {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, greeter+"SayHelloStreamReply")
	if err != nil {
		return err
	}
	if err := errors.Join(s.SendMsg(wrapperspb.String(name)), s.CloseSend()); err != nil {
		return err
	}
	for i := 1; ; i++ {
		var reply wrapperspb.StringValue
		err := s.RecvMsg(&reply)
		if err == io.EOF && i == 4 {
			return nil
		}
		if want := fmt.Sprintf("Hello %s, %d", name, i); err != nil || reply.Value != want {
			return fmt.Errorf("SayHelloStreamReply %d: %q, %w; want %q", i, reply.Value, err, want)
		}
	}
}

// services returns what reflection lists.
func services(ctx context.Context, conn *grpc.ClientConn) (names []string, t talk, err error) {
	t, err = reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, nil, err
	}
	response, err := ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &listing{ListServices: "*"}})
	for _, service := range response.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	slices.Sort(names)
	return names, t, err
}

// described demands that reflection tells of the Greeter.
func described(ctx context.Context, conn *grpc.ClientConn) error {
	names, t, err := services(ctx, conn)
	if err != nil || !slices.Contains(names, "helloworld.Greeter") {
		return fmt.Errorf("it lists %q, %w", names, err)
	}
	response, err := ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &bySymbol{FileContainingSymbol: "helloworld.Greeter"}})
	if files := response.GetFileDescriptorResponse().GetFileDescriptorProto(); err != nil || len(files) != 1 || !strings.Contains(string(files[0]), "HelloReply") {
		return fmt.Errorf("the Greeter is in %q, %w", files, err)
	}
	return nil
}

// probe asks for health as grpc_health_probe does, and lists services as grpcurl does.
func probe(ctx context.Context, conn *grpc.ClientConn) error {
	response, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil || response.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return fmt.Errorf("Check: %v, %w", response, err)
	}
	names, _, err := services(ctx, conn)
	want := "grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection"
	if got := strings.Join(names, " "); err != nil || got != want {
		return fmt.Errorf("it lists %s, %w", got, err)
	}
	return nil
}
