"""A gRPC service, with health and reflection. The servicer is as for grpcio, whose package its generated code imports.

Generate that code, start it with ``python3 examples/greeter.py [address]``, then call it::

    protoc -I examples --python_out=examples --grpc_python_out=examples \\
        --plugin=protoc-gen-grpc_python=/usr/bin/grpc_python_plugin helloworld.proto
    grpcurl -plaintext -d '{"name": "you"}' localhost:50051 helloworld.Greeter/SayHello
    grpcurl -plaintext localhost:50051 grpc.health.v1.Health/Check

``python3 -m grpc_tools.protoc`` of grpcio-tools takes the same options, and needs no plugin.
"""

import sys

import helloworld_pb2
import helloworld_pb2_grpc
from helloworld_pb2 import HelloReply

import forker
from forker.grpc import StatusCode


class Greeter(helloworld_pb2_grpc.GreeterServicer):
    def SayHello(self, request, context):
        if not request.name:
            context.abort(StatusCode.INVALID_ARGUMENT, "who are you?")
        return HelloReply(message=f"Hello {request.name}")

    def SayHelloTwice(self, request, context):
        for _ in range(2):
            yield HelloReply(message=f"Hello {request.name}")

    def SayHelloToAll(self, requests, context):
        return HelloReply(message="Hello " + " and ".join(request.name for request in requests))

    def Chat(self, requests, context):
        for request in requests:  # whenever there is one
            yield HelloReply(message=f"Hello {request.name}")


server = forker.Server(h2c=True)
services = server.grpc()
helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), services)
services.health("helloworld.Greeter")
services.reflection(helloworld_pb2)
try:
    server.listen(sys.argv[1] if len(sys.argv) > 1 else ":50051")
except forker.Error as error:  # taken, for example
    sys.exit(str(error))
print("serving on", server.address(0), flush=True)
server.run()
