"""SayHello of greeter.proto by Python, with messages as bytes: calls.py forker|forker-inline|grpcio PORT"""

import concurrent.futures
import sys

HELLO_REQUEST, HELLO_REPLY = b"\x0a\x05world", b"\x0a\x0bHello world"


def say_hello(request, context):
    assert request == HELLO_REQUEST
    return HELLO_REPLY


def serve_forker(address, inline):
    import forker

    server = forker.Server(h2c=True)
    server.grpc(inline=inline).unary_unary("/helloworld.Greeter/SayHello")(say_hello)
    server.listen(address)
    server.run()


def serve_grpcio(address):
    import grpc

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
    handlers = {"SayHello": grpc.unary_unary_rpc_method_handler(say_hello)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("helloworld.Greeter", handlers),))
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


which, address = sys.argv[1], "127.0.0.1:" + sys.argv[2]
if which == "grpcio":
    serve_grpcio(address)
else:
    serve_forker(address, which == "forker-inline")
