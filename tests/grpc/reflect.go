package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	alphapb "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echoFiles are what the methods of grpc.c look like, as far as they take any message: they are given what protobuf packs.
func echoFiles() *descriptorpb.FileDescriptorSet {
	text, label, message := descriptorpb.FieldDescriptorProto_TYPE_STRING, descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL, proto.String(".google.protobuf.StringValue")
	wrappers := protodesc.ToFileDescriptorProto(wrapperspb.File_google_protobuf_wrappers_proto)
	base := &descriptorpb.FileDescriptorProto{
		Name: proto.String("test/base.proto"), Package: proto.String("test"), Syntax: proto.String("proto2"),
		MessageType: []*descriptorpb.DescriptorProto{{
			Name:           proto.String("Base"),
			ExtensionRange: []*descriptorpb.DescriptorProto_ExtensionRange{{Start: proto.Int32(100), End: proto.Int32(200)}},
			EnumType: []*descriptorpb.EnumDescriptorProto{{Name: proto.String("Kind"), Value: []*descriptorpb.EnumValueDescriptorProto{
				{Name: proto.String("ANY"), Number: proto.Int32(0)},
			}}},
		}},
	}
	echo := &descriptorpb.FileDescriptorProto{
		Name: proto.String("test/echo.proto"), Package: proto.String("test"), Syntax: proto.String("proto2"),
		Dependency: []string{"google/protobuf/wrappers.proto", "test/base.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Echo"), Method: []*descriptorpb.MethodDescriptorProto{
			{Name: proto.String("Say"), InputType: message, OutputType: message},
		}}},
	}
	for i, name := range []string{"note", "mark"} {
		echo.Extension = append(echo.Extension, &descriptorpb.FieldDescriptorProto{
			Name: &name, Extendee: proto.String(".test.Base"), Number: proto.Int32(int32(150 - i*10)), Type: &text, Label: &label,
		})
	}
	return &descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{wrappers, base, echo}}
}

// talk is a call of reflection.
type talk interface {
	Send(request *reflectionpb.ServerReflectionRequest) error
	Recv() (*reflectionpb.ServerReflectionResponse, error)
	CloseSend() error
}

// alpha is one of v1alpha, whose messages are those of v1.
type alpha struct {
	alphapb.ServerReflection_ServerReflectionInfoClient
}

func convert(from, to proto.Message) error {
	packed, err := proto.Marshal(from)
	return errors.Join(err, proto.Unmarshal(packed, to))
}

func (a alpha) Send(request *reflectionpb.ServerReflectionRequest) error {
	other := new(alphapb.ServerReflectionRequest)
	return errors.Join(convert(request, other), a.ServerReflection_ServerReflectionInfoClient.Send(other))
}

func (a alpha) Recv() (*reflectionpb.ServerReflectionResponse, error) {
	other, err := a.ServerReflection_ServerReflectionInfoClient.Recv()
	if err != nil {
		return nil, err
	}
	response := new(reflectionpb.ServerReflectionResponse)
	return response, convert(other, response)
}

func ask(t talk, request *reflectionpb.ServerReflectionRequest) (*reflectionpb.ServerReflectionResponse, error) {
	request.Host = "a host"
	if err := t.Send(request); err != nil {
		return nil, err
	}
	response, err := t.Recv()
	if err == nil && (response.ValidHost != request.Host || !proto.Equal(response.OriginalRequest, request)) {
		err = fmt.Errorf("the answer is to another question: %v", response)
	}
	return response, err
}

type (
	bySymbol    = reflectionpb.ServerReflectionRequest_FileContainingSymbol
	byName      = reflectionpb.ServerReflectionRequest_FileByFilename
	byExtension = reflectionpb.ServerReflectionRequest_FileContainingExtension
	numbersOf   = reflectionpb.ServerReflectionRequest_AllExtensionNumbersOfType
	listing     = reflectionpb.ServerReflectionRequest_ListServices
)

// reflection does what grpcurl does: it lists services, has them described, and makes calls by the descriptions.
func (c *client) reflection(ctx context.Context) error {
	v1, err := reflectionpb.NewServerReflectionClient(c.plain).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	v1alpha, err := alphapb.NewServerReflectionClient(c.plain).ServerReflectionInfo(ctx)
	if err != nil {
		return err
	}
	var all []error
	for name, t := range map[string]talk{"v1": v1, "v1alpha": alpha{v1alpha}} {
		for _, test := range []func(context.Context, talk) error{list, c.describe, unknown, extensions, askMany} {
			if err := test(ctx, t); err != nil {
				all = append(all, fmt.Errorf("reflection %s: %w", name, err))
			}
		}
		_, err := t.Recv()
		if err != io.EOF {
			all = append(all, fmt.Errorf("the end of reflection: %w", err))
		}
	}
	wrong, err := reflectionpb.NewServerReflectionClient(c.plain).ServerReflectionInfo(ctx)
	if err == nil {
		_, err = ask(wrong, &reflectionpb.ServerReflectionRequest{})
	}
	return errors.Join(append(all, expect("a question for nothing", err, codes.InvalidArgument, "the message is no ServerReflectionRequest"))...)
}

func list(_ context.Context, t talk) error {
	response, err := ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &listing{ListServices: "*"}})
	if err != nil {
		return err
	}
	var names []string
	for _, service := range response.GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	slices.Sort(names)
	want := "grpc.health.v1.Health grpc.reflection.v1.ServerReflection grpc.reflection.v1alpha.ServerReflection " +
		"test.Echo test.Elsewhere test.Guarded test.Inline test.Pooled test.Small"
	if got := strings.Join(names, " "); got != want {
		return fmt.Errorf("it lists %s", got)
	}
	return nil
}

// files returns the files of an answer, in which the first is what was asked for, and all that it needs is there.
func files(response *reflectionpb.ServerReflectionResponse, err error) (first *descriptorpb.FileDescriptorProto, all *protoregistry.Files, _ error) {
	if err != nil {
		return nil, nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	for _, packed := range response.GetFileDescriptorResponse().GetFileDescriptorProto() {
		file := new(descriptorpb.FileDescriptorProto)
		if err := proto.Unmarshal(packed, file); err != nil {
			return nil, nil, err
		}
		set.File = append(set.File, file)
	}
	if len(set.File) == 0 {
		return nil, nil, fmt.Errorf("no file: %v", response)
	}
	all, err = protodesc.NewFiles(set)
	return set.File[0], all, err
}

func (c *client) describe(ctx context.Context, t talk) error {
	for _, file := range own {
		for i := range file.Services().Len() {
			got, _, err := files(ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &bySymbol{FileContainingSymbol: string(file.Services().Get(i).FullName())}}))
			if err != nil || !proto.Equal(got, describe(file)) {
				return fmt.Errorf("%s is described as %v, %w", file.Path(), got, err)
			}
		}
	}
	for _, symbol := range []string{"test.Echo.Say", "test.Echo", "test.note"} {
		if got, _, err := files(ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &bySymbol{FileContainingSymbol: symbol}})); err != nil || got.GetName() != "test/echo.proto" {
			return fmt.Errorf("%s is in %v, %w", symbol, got, err)
		}
	}
	for _, symbol := range []string{"test.Base", "test.Base.Kind", "test.Base.ANY"} {
		if got, _, err := files(ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &bySymbol{FileContainingSymbol: symbol}})); err != nil || got.GetName() != "test/base.proto" {
			return fmt.Errorf("%s is in %v, %w", symbol, got, err)
		}
	}
	_, all, err := files(ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &byName{FileByFilename: "test/echo.proto"}}))
	if err != nil {
		return err
	}
	found, err := all.FindDescriptorByName("test.Echo.Say")
	if err != nil {
		return err
	}
	method := found.(protoreflect.MethodDescriptor)
	request, reply := dynamicpb.NewMessage(method.Input()), dynamicpb.NewMessage(method.Output())
	request.Set(method.Input().Fields().ByName("value"), protoreflect.ValueOfString("by reflection"))
	if err := c.plain.Invoke(ctx, "/test.Echo/Say", request, reply); err != nil || !proto.Equal(request, reply) {
		return fmt.Errorf("test.Echo.Say: %v, %w", reply, err)
	}
	return nil
}

func unknown(_ context.Context, t talk) error {
	for _, request := range []*reflectionpb.ServerReflectionRequest{
		{MessageRequest: &bySymbol{FileContainingSymbol: "test.Ech"}},
		{MessageRequest: &bySymbol{FileContainingSymbol: "test.Echoo"}},
		{MessageRequest: &bySymbol{FileContainingSymbol: ""}},
		{MessageRequest: &bySymbol{FileContainingSymbol: "zzz"}},
		{MessageRequest: &byName{FileByFilename: "test/none.proto"}},
		{MessageRequest: &numbersOf{AllExtensionNumbersOfType: "test.None"}},
		{MessageRequest: &byExtension{FileContainingExtension: &reflectionpb.ExtensionRequest{ContainingType: "test.Base", ExtensionNumber: 145}}},
		{MessageRequest: &byExtension{FileContainingExtension: &reflectionpb.ExtensionRequest{ContainingType: "test.Echo", ExtensionNumber: 150}}},
	} {
		response, err := ask(t, request)
		if code := codes.Code(response.GetErrorResponse().GetErrorCode()); code != codes.NotFound || err != nil {
			return fmt.Errorf("%v is answered %v, %w", request, response, err)
		}
	}
	return nil
}

func extensions(_ context.Context, t talk) error {
	response, err := ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &numbersOf{AllExtensionNumbersOfType: "test.Base"}})
	if got := fmt.Sprint(response.GetAllExtensionNumbersResponse().GetExtensionNumber()); got != "[140 150]" || err != nil {
		return fmt.Errorf("the extensions of test.Base are %s, %w", got, err)
	}
	for _, number := range []int32{140, 150} {
		got, _, err := files(ask(t, &reflectionpb.ServerReflectionRequest{MessageRequest: &byExtension{
			FileContainingExtension: &reflectionpb.ExtensionRequest{ContainingType: "test.Base", ExtensionNumber: number},
		}}))
		if err != nil || got.GetName() != "test/echo.proto" {
			return fmt.Errorf("extension %d is in %v, %w", number, got, err)
		}
	}
	return nil
}

// askMany asks more than there is room for answers, before it reads any.
func askMany(_ context.Context, t talk) error {
	const questions = 3000
	for i := range questions {
		request := &reflectionpb.ServerReflectionRequest{Host: fmt.Sprint(i), MessageRequest: &byName{FileByFilename: "grpc/health/v1/health.proto"}}
		if err := t.Send(request); err != nil {
			return err
		}
	}
	want, err := proto.Marshal(describe(own[0]))
	for i := range questions {
		response, e := t.Recv()
		if err = errors.Join(err, e); err != nil {
			return err
		}
		if got := response.GetFileDescriptorResponse().GetFileDescriptorProto(); response.ValidHost != fmt.Sprint(i) || len(got) != 1 || len(got[0]) != len(want) {
			return fmt.Errorf("answer %d is to %s, with %d files", i, response.ValidHost, len(got))
		}
	}
	return t.CloseSend()
}
