"""Which messages of gRPC are compressed, as context and services say, seen by a client that shows the prefix of each."""

import gzip
import subprocess
import unittest

from grpc_program import call, failure, serving  # before grpcio, without which it leaves the tests out
import grpc
from grpc import StatusCode

import forker
import forker.grpc
from program import TIMEOUT

SOURCE = """
from forker.grpc import Compression
def obey(context, orders):
    for order in orders:
        if order == "z":
            context.set_compression(Compression.Gzip)
        elif order == "d":
            context.set_compression(Compression.Deflate)
        elif order == "p":
            context.set_compression(Compression.NoCompression)
        elif order == "n":
            context.disable_next_message_compression()
        elif order == "b":
            context.send_initial_metadata(())
@services.unary_unary("/t.T/One")
def one(request, context):
    obey(context, request.decode())
    return b"m" * 1000
@services.stream_stream("/t.T/Each")
def each(requests, context):
    for request in requests:
        came = context.message_compressed()
        obey(context, request.decode())
        yield b"%d" % came + b"m" * 1000
@services.unary_unary("/t.T/Came")
def came(request, context):
    return repr(context.message_compressed()).encode()
@services.unary_unary("/t.T/Bad")
def bad(request, context):
    context.set_compression(3)
@services.stream_stream("/t.T/Late")
def late(requests, context):
    yield b"begun"
    context.set_compression(Compression.Gzip)
@services.unary_unary("/t.T/After")
def after(request, context):
    context.cancel()
    try:
        context.set_compression(Compression.Gzip)
    except forker.grpc.RpcError:
        told("over")
"""


def framed(message, compressed=False):
    packed = gzip.compress(message) if compressed else message
    return bytes([compressed]) + len(packed).to_bytes(4, "big") + packed


def ask(program, method, *messages, takes="gzip"):
    """Calls a method, and gives its messages: which came compressed, and what they are."""
    fields = ("Content-Type: application/grpc", "TE: trailers", "Grpc-Encoding: gzip", f"Grpc-Accept-Encoding: {takes}")
    command = ["curl", "-sS", "--noproxy", "*", "--http2-prior-knowledge", "--data-binary", "@-"]
    for field in fields:
        command += ["-H", field]
    url = f"http://{program.address}/t.T/{method}"
    body = subprocess.run([*command, url], input=b"".join(messages), capture_output=True, check=True, timeout=TIMEOUT).stdout
    flags, texts = "", []
    while body:
        size = int.from_bytes(body[1:5], "big")
        flags += "-z"[body[0]]
        texts.append(gzip.decompress(body[5 : 5 + size]) if body[0] else body[5 : 5 + size])
        body = body[5 + size :]
    return flags, texts


class CompressionTest(unittest.TestCase):
    def check(self, program, orders, one, each, takes="gzip"):
        """What becomes of a reply that follows all orders, and of messages that follow one each."""
        if one is not None:
            self.assertEqual(ask(program, "One", framed(orders.encode()), takes=takes), (one, [b"m" * 1000]), orders)
        got = ask(program, "Each", *(framed(order.encode()) for order in orders), takes=takes)
        self.assertEqual(got, (each, [b"0" + b"m" * 1000] * len(orders)), orders)

    def test_a_servicer_says_what_is_compressed(self):
        for options in ("", "inline=True"):
            with self.subTest(options=options), serving(SOURCE, options) as (program, channel):
                for orders, one, each in (
                    ("-", "-", "-"),
                    ("z-", "z", "zz"),
                    ("d", "z", "z"),
                    ("zp-z", "z", "z--z"),
                    ("zn-n", "-", "z-z-"),
                ):
                    self.check(program, orders, one, each)
                self.check(program, "z-", "-", "--", takes="identity")
                for compressed in (True, False):
                    self.assertEqual(ask(program, "Came", framed(b"x", compressed))[1], [repr(compressed).encode()])
                texts = ask(program, "Each", framed(b"-", True), framed(b"-"), framed(b"-", True))[1]
                self.assertEqual([text[:1] for text in texts], [b"1", b"0", b"1"])
                code, details, _ = failure(call, channel, "Bad")
                self.assertEqual(code, StatusCode.UNKNOWN)
                self.assertIn("3 is none of NoCompression, Deflate and Gzip", details)
                self.assertEqual(failure(call, channel, "After")[0], StatusCode.CANCELLED)
                program.out.wait_for("over")

    def test_it_is_too_late_when_the_response_has_begun(self):
        with serving(SOURCE) as (_, channel):
            responses = channel.stream_stream("/t.T/Late")(iter(()), timeout=TIMEOUT)
            self.assertEqual(next(responses), b"begun")
            code, details, _ = failure(next, responses)
            self.assertEqual(code, StatusCode.UNKNOWN)
            self.assertIn("cannot be compressed any more", details)

    def test_services_and_options_say_it_too(self):
        for options in ("compression=forker.grpc.Compression.Gzip", "compression=2, inline=True"):
            with serving(SOURCE, options + ", grpc_compress=5000") as (program, _):
                for orders, one, each in (("-", "z", "z"), ("n-", "-", "-z"), ("p-", "-", "--"), ("pz", "z", "-z")):
                    self.check(program, orders, one, each)
        with serving(SOURCE, "grpc_compress=1") as (program, _):
            for orders, one, each in (("-", "z", "z"), ("n-", "-", "-z"), ("bz", None, "zz")):
                self.check(program, orders, one, each)
        with serving(SOURCE, "compression=forker.grpc.Compression.NoCompression, grpc_compress=1") as (program, _):
            self.check(program, "--", "-", "--")
        with forker.Server() as server, self.assertRaisesRegex(ValueError, "'gzip' is none of"):
            server.grpc(compression="gzip")

    def test_names_are_those_of_grpcio(self):
        self.assertIs(forker.grpc.Compression, grpc.Compression)


if __name__ == "__main__":
    unittest.main()
