"""grpc.testing.TestService, which the interoperability tests of gRPC call, as a servicer of generated code: interop.py ADDRESS

The directory that INTEROP_CODE names has what protoc generates, in grpc/testing.
"""

import os
import sys

import grpc

import forker

grpc.__path__.append(os.environ["INTEROP_CODE"] + "/grpc")
from grpc.testing import empty_pb2, messages_pb2, test_pb2_grpc  # noqa: E402

INITIAL, TRAILING = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"


def echo(context):
    """Sends the client's metadata back."""
    metadata = dict(context.invocation_metadata())
    if INITIAL in metadata:
        context.send_initial_metadata(((INITIAL, metadata[INITIAL]),))
    if TRAILING in metadata:
        context.set_trailing_metadata(((TRAILING, metadata[TRAILING]),))


def fail(request, context):
    """Ends the call with a status, if the client asks for one."""
    if request.HasField("response_status"):
        code = next(code for code in grpc.StatusCode if code.value[0] == request.response_status.code)
        context.abort(code, request.response_status.message)


def expect(request, context):
    """Fails the call if a message has not come as the client says."""
    if request.HasField("expect_compressed") and request.expect_compressed.value != context.message_compressed():
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the message has not come as its expect_compressed says")


def outputs(request, context):
    if any(parameters.compressed.value for parameters in request.response_parameters):
        context.set_compression(grpc.Compression.Gzip)
    for parameters in request.response_parameters:
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        payload = messages_pb2.Payload(body=bytes(parameters.size))
        yield messages_pb2.StreamingOutputCallResponse(payload=payload)
    fail(request, context)


class TestService(test_pb2_grpc.TestServiceServicer):
    def EmptyCall(self, request, context):
        echo(context)
        return empty_pb2.Empty()

    def UnaryCall(self, request, context):
        echo(context)
        fail(request, context)
        expect(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        return messages_pb2.SimpleResponse(payload=messages_pb2.Payload(body=bytes(request.response_size)))

    def StreamingOutputCall(self, request, context):
        yield from outputs(request, context)

    def StreamingInputCall(self, requests, context):
        size = 0
        for request in requests:
            expect(request, context)
            size += len(request.payload.body)
        return messages_pb2.StreamingInputCallResponse(aggregated_payload_size=size)

    def FullDuplexCall(self, requests, context):
        echo(context)
        for request in requests:
            yield from outputs(request, context)


server = forker.Server()
services = server.grpc(inline=os.environ["INTEROP_INLINE"] == "yes")
test_pb2_grpc.add_TestServiceServicer_to_server(TestService(), services)
if "tls=on" in sys.argv[1]:
    server.certificate(os.environ["FORKER_TEST_CHAIN"], os.environ["FORKER_TEST_KEY"])
server.listen(sys.argv[1])


@server.worker_init
def tell(worker):
    os.write(1, f"worker {worker} {os.getpid()}\n".encode())


os.write(1, f"listening 0 {server.address(0)}\n".encode())
server.run()
