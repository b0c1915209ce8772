"""What the tests of gRPC share: code that protoc generates, a client of grpcio's, and a server program."""

import contextlib
import pathlib
import subprocess
import tempfile
import unittest

try:
    import grpc
except ImportError:
    raise unittest.SkipTest("grpcio is not installed for this Python") from None

from program import TIMEOUT, Program

EXAMPLES = pathlib.Path(__file__).resolve().parents[1] / "examples"
PLUGIN = "/usr/bin/grpc_python_plugin"


@contextlib.contextmanager
def generated(proto=EXAMPLES / "helloworld.proto"):
    """A directory with what protoc makes of a file."""
    with tempfile.TemporaryDirectory() as directory:
        out = [f"--python_out={directory}", f"--grpc_python_out={directory}"]
        plugin = f"--plugin=protoc-gen-grpc_python={PLUGIN}"
        subprocess.run(["protoc", f"-I{proto.parent}", *out, plugin, proto.name], check=True, timeout=TIMEOUT)
        yield directory


# Methods of bytes; {options} are those of Server.grpc().
SERVICES = """
import threading
from forker.grpc import StatusCode
server = make_server({server})
services = server.grpc({options})
"""

SERVE = """
server.run()
"""


@contextlib.contextmanager
def serving(source, options="", server="h2c=True"):
    """A program that serves `source`, and a channel to it."""
    with Program(SERVICES.format(options=options, server=server) + source + SERVE) as program:
        program.wait_ready()
        with grpc.insecure_channel(program.address) as channel:
            yield program, channel
        if program.stop() != 0:
            raise AssertionError("\n".join(program.log.seen))


def call(channel, method, request=b"", **options):
    """A call of a method with one request and one response. Returns the response, and the call."""
    return channel.unary_unary(f"/t.T/{method}").with_call(request, timeout=TIMEOUT, **options)


def failure(function, *arguments, **options):
    """The error that a call ends with: (code, details), and the error."""
    try:
        function(*arguments, **options)
    except grpc.RpcError as error:
        return error.code(), error.details(), error
    raise AssertionError("the call has not failed")
