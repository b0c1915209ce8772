// Command grpcgo is grpc-go as the benchmark runs it: grpcgo PORT CONNECTIONS DIRECTORY. It serves greeter.proto, whose two messages are
// on the wire what StringValue is.
package main

import (
	"context"
	"log"
	"net"
	"os"
	"runtime"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const many = 100

func greet(request *wrapperspb.StringValue) *wrapperspb.StringValue {
	return &wrapperspb.StringValue{Value: "Hello " + request.GetValue()}
}

func sayHello(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	request := new(wrapperspb.StringValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	return greet(request), nil
}

func sayHelloOften(_ any, stream grpc.ServerStream) error {
	request := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	for range many {
		if err := stream.SendMsg(greet(request)); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	runtime.GOMAXPROCS(1) // the benchmark gives it one core
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "helloworld.Greeter",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "SayHello", Handler: sayHello}},
		Streams:     []grpc.StreamDesc{{StreamName: "SayHelloOften", Handler: sayHelloOften, ServerStreams: true}},
	}, struct{}{})
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(server.Serve(listener))
}
