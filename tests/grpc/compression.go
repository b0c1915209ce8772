package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/protobuf/proto"
)

// The interoperability tests that are about compression: client_compressed_unary, server_compressed_unary, client_compressed_streaming and
// server_compressed_streaming. grpc-go's client has none of them, because it does not show which messages come compressed, and compresses all
// of a call or none. This one frames them by itself.

// rawClient makes calls of TestService.
type rawClient struct {
	http.Client
	base string
}

// newRawClient is for a server in clear text, or for one with TLS whose certificate is in a file.
func newRawClient(address, chain string) (*rawClient, error) {
	protocols := new(http.Protocols)
	c := &rawClient{base: "http://" + address}
	transport := &http.Transport{Protocols: protocols}
	if c.Transport = transport; chain == "" {
		protocols.SetUnencryptedHTTP2(true)
		return c, nil
	}
	protocols.SetHTTP2(true)
	pem, err := os.ReadFile(chain)
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s: %w", chain, err)
	}
	transport.TLSClientConfig, c.base = &tls.Config{RootCAs: roots}, "https://"+address
	return c, nil
}

// framed is a message with its prefix, compressed or not.
type framed struct {
	proto.Message
	compressed bool
}

func (f framed) append(out []byte) ([]byte, error) {
	packed, err := proto.Marshal(f.Message)
	flag := byte(0)
	if f.compressed {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, wrong := w.Write(packed)
		err = errors.Join(err, wrong, w.Close())
		packed, flag = b.Bytes(), 1
	}
	return append(binary.BigEndian.AppendUint32(append(out, flag), uint32(len(packed))), packed...), err
}

// call sends messages, and returns which of the responses came compressed, each unpacked into one of `into`, and the status.
func (c *rawClient) call(ctx context.Context, method string, into []proto.Message, messages ...framed) ([]bool, string, error) {
	var body []byte
	for _, m := range messages {
		var err error
		if body, err = m.append(body); err != nil {
			return nil, "", err
		}
	}
	req, err := http.NewRequestWithContext(ctx, "POST", c.base+"/grpc.testing.TestService/"+method, bytes.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.Header = http.Header{
		"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "Grpc-Encoding": {"gzip"}, "Grpc-Accept-Encoding": {"identity,gzip"},
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	code := resp.Trailer.Get("Grpc-Status") + resp.Header.Get("Grpc-Status") // Of which there is one.
	if err != nil {
		return nil, "", err
	}
	compressed, err := unpack(content, into)
	if slices.Contains(compressed, true) && resp.Header.Get("Grpc-Encoding") != "gzip" {
		err = errors.Join(err, errors.New("a message is compressed without a grpc-encoding"))
	}
	return compressed, code, err
}

// unpack unpacks messages, of which there may not be more than `into` has.
func unpack(content []byte, into []proto.Message) (compressed []bool, err error) {
	for len(content) > 0 {
		if len(content) < 5 || len(content)-5 < int(binary.BigEndian.Uint32(content[1:])) || len(into) == len(compressed) {
			return compressed, fmt.Errorf("%d bytes that are no message, or one too many", len(content))
		}
		size := int(binary.BigEndian.Uint32(content[1:]))
		message, isZipped := content[5:5+size], content[0] == 1
		if isZipped {
			r, err := gzip.NewReader(bytes.NewReader(message))
			if err != nil {
				return compressed, err
			}
			if message, err = io.ReadAll(r); err != nil {
				return compressed, err
			}
		}
		if err := proto.Unmarshal(message, into[len(compressed)]); err != nil {
			return compressed, err
		}
		compressed, content = append(compressed, isZipped), content[5+size:]
	}
	return compressed, nil
}

func yes(is bool) *testgrpc.BoolValue { return &testgrpc.BoolValue{Value: is} }

func payload(size int) *testgrpc.Payload { return &testgrpc.Payload{Body: make([]byte, size)} }

// callCompression makes the calls of the four cases.
func callCompression(ctx context.Context, c *rawClient) error {
	var all []error
	for name, test := range map[string]func(context.Context) error{
		"client_compressed_unary": c.clientUnary, "server_compressed_unary": c.serverUnary,
		"client_compressed_streaming": c.clientStreaming, "server_compressed_streaming": c.serverStreaming,
	} {
		if err := test(ctx); err != nil {
			all = append(all, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

// probe checks that a server tells when a message has not come as is said.
func (c *rawClient) probe(ctx context.Context, method string, message proto.Message, compressed bool) error {
	_, code, err := c.call(ctx, method, nil, framed{message, compressed})
	if err != nil || code != fmt.Sprint(int(codes.InvalidArgument)) {
		return fmt.Errorf("the probe: status %s, %w", code, err)
	}
	return nil
}

func (c *rawClient) clientUnary(ctx context.Context) error {
	ask := func(expects bool) *testgrpc.SimpleRequest {
		return &testgrpc.SimpleRequest{ExpectCompressed: yes(expects), ResponseSize: 314159, Payload: payload(271828)}
	}
	if err := errors.Join(c.probe(ctx, "UnaryCall", ask(true), false), c.probe(ctx, "UnaryCall", ask(false), true)); err != nil {
		return err
	}
	for _, compressed := range []bool{true, false} {
		var got testgrpc.SimpleResponse
		_, code, err := c.call(ctx, "UnaryCall", []proto.Message{&got}, framed{ask(compressed), compressed})
		if err != nil || code != "0" || !bytes.Equal(got.GetPayload().GetBody(), make([]byte, 314159)) {
			return fmt.Errorf("compressed: %v: status %s, %d bytes, %w", compressed, code, len(got.GetPayload().GetBody()), err)
		}
	}
	return nil
}

func (c *rawClient) serverUnary(ctx context.Context) error {
	for _, want := range []bool{true, false} {
		var got testgrpc.SimpleResponse
		ask := &testgrpc.SimpleRequest{ResponseCompressed: yes(want), ResponseSize: 314159, Payload: payload(271828)}
		compressed, code, err := c.call(ctx, "UnaryCall", []proto.Message{&got}, framed{ask, false})
		if err != nil || code != "0" || !slices.Equal(compressed, []bool{want}) || len(got.GetPayload().GetBody()) != 314159 {
			return fmt.Errorf("want %v: %v, status %s, %d bytes, %w", want, compressed, code, len(got.GetPayload().GetBody()), err)
		}
	}
	return nil
}

func (c *rawClient) clientStreaming(ctx context.Context) error {
	ask := func(expects bool, size int) *testgrpc.StreamingInputCallRequest {
		return &testgrpc.StreamingInputCallRequest{ExpectCompressed: yes(expects), Payload: payload(size)}
	}
	if err := c.probe(ctx, "StreamingInputCall", ask(true, 27182), false); err != nil {
		return err
	}
	var got testgrpc.StreamingInputCallResponse
	_, code, err := c.call(ctx, "StreamingInputCall", []proto.Message{&got}, framed{ask(true, 27182), true}, framed{ask(false, 45904), false})
	if err != nil || code != "0" || got.GetAggregatedPayloadSize() != 73086 {
		return fmt.Errorf("status %s, %d bytes, %w", code, got.GetAggregatedPayloadSize(), err)
	}
	return nil
}

func (c *rawClient) serverStreaming(ctx context.Context) error {
	var got [2]testgrpc.StreamingOutputCallResponse
	ask := &testgrpc.StreamingOutputCallRequest{ResponseParameters: []*testgrpc.ResponseParameters{
		{Compressed: yes(true), Size: 31415}, {Compressed: yes(false), Size: 92653},
	}}
	compressed, code, err := c.call(ctx, "StreamingOutputCall", []proto.Message{&got[0], &got[1]}, framed{ask, false})
	sizes := []int{len(got[0].GetPayload().GetBody()), len(got[1].GetPayload().GetBody())}
	if err != nil || code != "0" || !slices.Equal(compressed, []bool{true, false}) || !slices.Equal(sizes, []int{31415, 92653}) {
		return fmt.Errorf("status %s, compressed: %v, %v bytes, %w", code, compressed, sizes, err)
	}
	return nil
}
