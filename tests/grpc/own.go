package main

import (
	"fmt"
	"io"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	alphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// own are the files of the services that the library has by itself.
var own = []protoreflect.FileDescriptor{
	healthpb.File_grpc_health_v1_health_proto, reflectionpb.File_grpc_reflection_v1_reflection_proto,
	alphapb.File_grpc_reflection_v1alpha_reflection_proto,
}

// describe returns a file without what is for compilers alone.
func describe(file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	d := protodesc.ToFileDescriptorProto(file)
	d.Options, d.SourceCodeInfo = nil, nil
	strip(d.MessageType)
	return d
}

func strip(messages []*descriptorpb.DescriptorProto) {
	for _, m := range messages {
		for _, f := range m.Field {
			f.JsonName = nil
		}
		strip(m.NestedType)
	}
}

// writeOwn writes reflectionown.c of capi.
func writeOwn(w io.Writer) error {
	set := &descriptorpb.FileDescriptorSet{}
	for _, file := range own {
		set.File = append(set.File, describe(file))
	}
	packed, err := proto.MarshalOptions{Deterministic: true}.Marshal(set)
	if err != nil {
		return err
	}
	fmt.Fprint(w, `/*
 * What the services look like that are the library's own: grpc.health.v1, grpc.reflection.v1 and v1alpha. Written by
 * "go run . own" in tests/grpc.
 */
#include "exchange/reflection.h"

const unsigned char fk_reflection_own[] =`)
	// Strings of hexadecimal escapes: the compiler takes them in a tenth of the time that it needs for numbers.
	for i, b := range packed {
		if i%28 == 0 {
			fmt.Fprint(w, "\n    \"")
		}
		fmt.Fprintf(w, "\\x%02x", b)
		if i%28 == 27 || i == len(packed)-1 {
			fmt.Fprint(w, "\"")
		}
	}
	_, err = fmt.Fprint(w, ";\n\nconst size_t fk_reflection_own_len = sizeof fk_reflection_own - 1;\n")
	return err
}
