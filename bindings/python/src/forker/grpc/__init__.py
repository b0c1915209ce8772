"""Serve gRPC: servicers of generated code, unchanged, or functions that take and give bytes.

With the code that ``protoc`` has generated, by the plugin of grpcio-tools::

    import forker
    import helloworld_pb2, helloworld_pb2_grpc

    class Greeter(helloworld_pb2_grpc.GreeterServicer):
        def SayHello(self, request, context):
            return helloworld_pb2.HelloReply(message=f"Hello {request.name}")

    server = forker.Server(h2c=True)
    services = server.grpc()
    helloworld_pb2_grpc.add_GreeterServicer_to_server(Greeter(), services)
    server.listen(":50051")
    server.run()

Generated code imports grpcio, which then gives the names that servicers use: ``forker.grpc.StatusCode`` is
``grpc.StatusCode``. Nothing of it serves: the calls are those of libforker, in processes that were forked. Without grpcio
this module has the names itself, and :meth:`Services.unary_unary` and its sisters register functions.

What is otherwise than in ``grpc.Server``:

- ``context.send_initial_metadata()`` of an inline method sends with the message, or with the status.
- What ``Compression.Deflate`` compresses is compressed by gzip too, the one encoding there is. Without
  ``server.grpc(compression=...)`` and ``context.set_compression()`` option grpc_compress says what is compressed.
- ``context.message_compressed()`` is one more method.
- Functions of ``context.add_callback()`` are called on the main thread of the worker, which must not wait.
- What a servicer raises is in the log of the server.
- Servicers of ``grpc.aio`` are refused.
"""

from .._header import HEALTH_NOT_SERVING, HEALTH_SERVING, HEALTH_UNKNOWN
from .context import Context
from .services import Services
from .status import Compression, RpcError, StatusCode

__all__ = [
    "HEALTH_NOT_SERVING",
    "HEALTH_SERVING",
    "HEALTH_UNKNOWN",
    "Compression",
    "Context",
    "RpcError",
    "Services",
    "StatusCode",
]
