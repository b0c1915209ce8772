"""What is wrong with gRPC methods, messages and calls: each has a code and a sentence."""

import unittest

from grpc_program import call, failure, serving  # before grpcio, without which it leaves the tests out
from google.protobuf import descriptor_pb2
from grpc import StatusCode

import forker
from program import TIMEOUT

SOURCE = """
@services.unary_unary("/t.T/Say")
def say(request, context):
    return request
@services.unary_unary("/t.T/Large")
def large(request, context):
    return b"m" * 2001
@services.unary_stream("/t.T/LargeOnes")
def large_ones(request, context):
    yield b"m"
    yield b"m" * 2001
@services.stream_unary("/t.T/Count")
def count(requests, context):
    return b"%d" % len(list(requests))
@services.unary_unary("/t.T/Twice")
def twice(request, context):
    context.send_initial_metadata(())
    context.send_initial_metadata(())
@services.unary_unary("/t.T/Two")
def two(request, context):
    yield request
    yield request
@services.stream_stream("/t.T/Late")
def late(requests, context):
    gone = threading.Event()
    assert context.add_callback(gone.set)
    yield b"begun"
    assert gone.wait(30)
    for attempt in (lambda: context.send_initial_metadata(()), lambda: next(requests), lambda: context.set_compression(2)):
        try:
            attempt()
        except forker.grpc.RpcError as error:
            told("late", error)
    yield b"late"
    told("not stopped")
@services.unary_unary("/t.T/LateReply")
def late_reply(request, context):
    gone = threading.Event()
    assert context.add_callback(gone.set)
    assert gone.wait(30)
    told("replies")
    return request
import forker.grpc
"""


class MistakeTest(unittest.TestCase):
    def refused(self, code, sentence, function, *arguments):
        with self.assertRaises(forker.Error) as raised:
            function(*arguments)
        self.assertEqual(raised.exception.code, code)
        self.assertIn(sentence, str(raised.exception))

    def test_a_malformed_method(self):
        with forker.Server() as server:
            add = server.grpc().unary_unary("t.T/Say")
            self.refused(forker.E_ROUTE, 'grpc t.T/Say: a method is written "/package.Service/Method"', add, print)

    def test_a_method_that_is_there(self):
        with forker.Server() as server:
            services = server.grpc()
            services.unary_unary("/t.T/Say")(print)
            add = services.unary_stream("/t.T/Say")
            self.refused(forker.E_ROUTE, "handle POST /t.T/Say: POST /t.T/Say has a handler already", add, print)

    def test_descriptors_without_what_they_import(self):
        described = descriptor_pb2.FileDescriptorSet()
        described.file.add(name="a.proto", dependency=["b.proto"])
        with forker.Server() as server:
            reflection = server.grpc().reflection
            sentence = "a.proto imports b.proto, which is in no set; protoc --include_imports puts it there"
            self.refused(forker.E_INVALID, sentence, reflection, described.SerializeToString())
            self.refused(forker.E_INVALID, "this is no FileDescriptorSet", reflection, b"\x0a")

    def test_messages_over_the_limit(self):
        too_large = "a message is larger than option grpc_max_message"
        reply = "2001 bytes are more than option grpc_max_reply, 2000"
        for options in ("grpc_max_message=1000, grpc_max_reply=2000", "grpc_max_message=1000, grpc_max_reply=2000, inline=True"):
            with self.subTest(options=options), serving(SOURCE, options) as (program, channel):
                self.assertEqual(call(channel, "Say", b"m" * 1000)[0], b"m" * 1000)
                self.assertEqual(failure(call, channel, "Say", b"m" * 1001)[:2], (StatusCode.RESOURCE_EXHAUSTED, too_large))
                count = channel.stream_unary("/t.T/Count")
                got = failure(count, iter([b"", b"m" * 1001]), None)[:2]
                self.assertEqual(got, (StatusCode.RESOURCE_EXHAUSTED, too_large))
                code, details, _ = failure(call, channel, "Large")
                self.assertEqual(code, StatusCode.RESOURCE_EXHAUSTED)
                if "inline" not in options:
                    self.assertIn(reply, details)
                responses = channel.unary_stream("/t.T/LargeOnes")(b"", timeout=TIMEOUT)
                self.assertEqual(next(responses), b"m")
                code, details, _ = failure(next, responses)
                self.assertEqual((code, reply in details), (StatusCode.RESOURCE_EXHAUSTED, True))
                self.assertTrue(program.log.wait_for(f"grpc_reply: {reply}"))

    def test_what_comes_after_the_deadline(self):
        with serving(SOURCE) as (program, channel):
            responses = channel.stream_stream("/t.T/Late")(iter(()), timeout=0.5)
            self.assertEqual(next(responses), b"begun")
            self.assertEqual(failure(next, responses)[0], StatusCode.DEADLINE_EXCEEDED)
            for _ in range(3):
                sentence = "late the client has left, the deadline has passed, or the call was cancelled"
                self.assertEqual(program.out.wait_for("late"), sentence)
            code = failure(channel.unary_unary("/t.T/LateReply"), b"", timeout=0.2)[0]
            self.assertEqual(code, StatusCode.DEADLINE_EXCEEDED)
            program.out.wait_for("replies")
            self.assertEqual(call(channel, "Say", b"goes on")[0], b"goes on")
        self.assertFalse([line for line in program.out.seen if "not stopped" in line])

    def test_a_second_reply(self):
        for options in ("", "inline=True"):
            with self.subTest(options=options), serving(SOURCE, options) as (_, channel):
                sentence = "Exception calling application: Initial metadata no longer allowed!"
                self.assertEqual(failure(call, channel, "Twice")[:2], (StatusCode.UNKNOWN, sentence))
                self.assertEqual(failure(call, channel, "Two")[:2], (StatusCode.INTERNAL, "Failed to serialize response!"))


if __name__ == "__main__":
    unittest.main()
