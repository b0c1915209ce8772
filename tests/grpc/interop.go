package main

import (
	"context"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// writeInterop writes a FileDescriptorSet of the service that callInterop calls, from which protoc generates code.
func writeInterop(w io.Writer) error {
	set := new(descriptorpb.FileDescriptorSet)
	collect(testgrpc.File_grpc_testing_test_proto, set, map[string]bool{})
	packed, err := proto.Marshal(set)
	if err == nil {
		_, err = w.Write(packed)
	}
	return err
}

// collect adds a file to a set, behind those that it imports.
func collect(file protoreflect.FileDescriptor, set *descriptorpb.FileDescriptorSet, known map[string]bool) {
	if known[file.Path()] {
		return
	}
	known[file.Path()] = true
	for i := range file.Imports().Len() {
		collect(file.Imports().Get(i).FileDescriptor, set, known)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}

// callInterop makes the calls of gRPC's own interoperability tests, but for those of compression, which are in compression.go, of
// credentials and of balancing. Each ends the process if something is not as it should be.
func callInterop(ctx context.Context, conn *grpc.ClientConn) {
	client := testgrpc.NewTestServiceClient(conn)
	for _, test := range []func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption){
		interop.DoEmptyUnaryCall, interop.DoLargeUnaryCall, interop.DoClientStreaming, interop.DoServerStreaming, interop.DoPingPong,
		interop.DoEmptyStream, interop.DoTimeoutOnSleepingServer, interop.DoCancelAfterBegin, interop.DoCancelAfterFirstResponse,
		interop.DoCustomMetadata, interop.DoStatusCodeAndMessage, interop.DoSpecialStatusMessage,
	} {
		test(ctx, client)
	}
	interop.DoUnimplementedService(ctx, testgrpc.NewUnimplementedServiceClient(conn))
	interop.DoUnimplementedMethod(ctx, conn)
}
