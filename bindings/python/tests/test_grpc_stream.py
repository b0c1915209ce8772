"""Streams of gRPC: methods with any number of messages in, out, or both."""

import contextlib
import threading
import time
import unittest

from grpc_program import failure, serving  # before grpcio, without which it leaves the tests out
import grpc
from grpc import StatusCode

from program import TIMEOUT

LARGE = 3 << 20


STREAMS = """
@services.unary_stream("/t.T/Many")
def many(request, context):
    count, size = map(int, request.split())
    context.set_trailing_metadata([("x-last", "1")])
    for i in range(count):
        yield b"%d" % i + b"m" * size
@services.stream_unary("/t.T/Count")
def count(requests, context):
    sizes = [len(request) for request in requests]
    return b"%d of %d" % (len(sizes), sum(sizes))
@services.stream_stream("/t.T/Chat")
def chat(requests, context):
    return requests
@services.stream_unary("/t.T/First")
def first(requests, context):
    return next(requests)
@services.unary_stream("/t.T/Fail")
def fail(request, context):
    yield b"1"
    exec(request)
@services.unary_stream("/t.T/Iterable")
def iterable(request, context):
    return [b"1", b"2"]
@services.stream_stream("/t.T/Watch")
def watch(requests, context):
    context.add_callback(lambda: told("called back"))
    try:
        yield b"begun"
        for request in requests:
            yield request
    finally:
        told("closed", context.is_active())
@services.unary_stream("/t.T/Endless")
def endless(request, context):
    sent = 0
    try:
        while True:
            yield b"m" * 50000
            sent += 1
    finally:
        told("sent", sent)
@services.stream_unary("/t.T/Cancel")
def cancel(requests, context):
    next(requests)
    context.cancel()
    for request in requests:
        pass
def boom(request):
    raise ValueError("boom")
services.stream_unary("/t.T/Unpack", request_deserializer=boom)(count)
"""


class StreamTest(unittest.TestCase):
    def test_messages_come_and_go(self):
        with serving(STREAMS) as (_, channel):
            got = channel.unary_stream("/t.T/Many")(b"3000 500", timeout=TIMEOUT)
            self.assertEqual([len(m) for m in got], [500 + len(str(i)) for i in range(3000)])
            self.assertEqual((got.code(), dict(got.trailing_metadata())["x-last"]), (StatusCode.OK, "1"))
            self.assertEqual(list(channel.unary_stream("/t.T/Many")(b"0 0", timeout=TIMEOUT)), [])
            self.assertEqual([len(m) for m in channel.unary_stream("/t.T/Many")(b"3 %d" % LARGE)], [LARGE + 1] * 3)
            self.assertEqual(list(channel.unary_stream("/t.T/Iterable")(b"", timeout=TIMEOUT)), [b"1", b"2"])
            sizes = [27182, 0, 1, LARGE, *[7] * 2000, *[60000] * 50]
            count = channel.stream_unary("/t.T/Count")(map(bytes, sizes), timeout=TIMEOUT)
            self.assertEqual(count, b"%d of %d" % (len(sizes), sum(sizes)))
            self.assertEqual(channel.stream_unary("/t.T/Count")(iter(()), timeout=TIMEOUT), b"0 of 0")
            sent = [b"%d" % i for i in range(500)]
            self.assertEqual(list(channel.stream_stream("/t.T/Chat")(iter(sent), timeout=TIMEOUT)), sent)
            endless = iter(lambda: b"m" * 1000, None)
            self.assertEqual(channel.stream_unary("/t.T/First")(endless, timeout=TIMEOUT), b"m" * 1000)

    def test_statuses_are_those_of_grpcio(self):
        with serving(STREAMS) as (program, channel):
            for source, code, details in (
                ("raise ValueError('boom')", StatusCode.UNKNOWN, "Exception iterating responses: boom"),
                ("context.abort(StatusCode.NOT_FOUND, 'gone')", StatusCode.NOT_FOUND, "gone"),
                ("context.set_code(StatusCode.ABORTED)", StatusCode.ABORTED, ""),
                ("context.set_details('fine')", StatusCode.OK, "fine"),
            ):
                got = channel.unary_stream("/t.T/Fail")(source.encode(), timeout=TIMEOUT)
                self.assertEqual(next(got), b"1")
                with contextlib.suppress(StopIteration, grpc.RpcError):
                    next(got)
                self.assertEqual((got.code(), got.details()), (code, details))
            code, details, _ = failure(channel.stream_unary("/t.T/Unpack"), iter([b"1"]), timeout=TIMEOUT)
            self.assertEqual((code, details), (StatusCode.INTERNAL, "Exception deserializing request!"))
            code, details, _ = failure(channel.stream_unary("/t.T/First"), iter(()), timeout=TIMEOUT)
            self.assertEqual((code, details), (StatusCode.UNKNOWN, "Exception calling application: "))
            code = failure(channel.stream_unary("/t.T/Cancel"), iter([b"1"]), timeout=TIMEOUT)[0]
            self.assertEqual(code, StatusCode.CANCELLED)
        self.assertIn("/t.T/Fail: Exception iterating responses", "\n".join(program.log.seen))

    def test_a_client_that_leaves_ends_the_generator(self):
        with serving(STREAMS) as (program, channel):
            for end in ("cancel", "deadline"):
                never = threading.Event()
                chat = channel.stream_stream("/t.T/Watch")(nothing_until(never), timeout=1 if end == "deadline" else TIMEOUT)
                self.assertEqual(next(chat), b"begun")
                if end == "cancel":
                    chat.cancel()
                lines = sorted(program.out.wait_for("c") for _ in range(2))
                self.assertEqual(lines, ["called back", "closed False"])
                never.set()
            self.assertNotIn("Traceback", "\n".join(program.log.seen))

    def test_a_slow_client_holds_the_generator_up(self):
        with serving(STREAMS) as (program, channel):
            endless = channel.unary_stream("/t.T/Endless")(b"", timeout=TIMEOUT)
            next(endless)
            self.assertEqual(call_say(channel), b"others are served")
            endless.cancel()
            sent = int(program.out.wait_for("sent").split()[1])
            self.assertLess(sent, 1000)  # the buffers of both sides and of the sockets hold less

    def test_a_servicer_that_waits_holds_the_client_up(self):
        source = """
@services.stream_unary("/t.T/Slow")
def slow(requests, context):
    next(requests)
    go.wait(30)
    return b"%d" % sum(1 for request in requests)
go = threading.Event()
@server.get("/go")
def let_go(request):
    go.set()
    return "go"
"""
        taken = []

        def requests():
            for i in range(400):
                taken.append(i)
                yield b"m" * 20000

        with serving(source) as (program, channel):
            slow = channel.stream_unary("/t.T/Slow").future(requests(), timeout=TIMEOUT)
            before = -1
            while len(taken) != before:  # until the client has to wait
                before = len(taken)
                time.sleep(0.3)
            self.assertLess(len(taken), 400)
            program.get("/go")
            self.assertEqual(slow.result(), b"399")


def nothing_until(event):
    """Requests of which none comes, and whose end comes late."""
    event.wait(TIMEOUT)
    return
    yield


def call_say(channel):
    return channel.stream_unary("/t.T/First")(iter([b"others are served"]), timeout=TIMEOUT)


if __name__ == "__main__":
    unittest.main()
