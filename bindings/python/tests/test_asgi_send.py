"""What becomes of what an ASGI application sends."""

import unittest

import forker
from asgi_program import each_loop, program
from program import read_to


class SendTest(unittest.TestCase):
    @each_loop
    def test_a_whole_body_has_a_length(self, loop):
        source = """
@path
async def whole(scope, receive, send):
    await start(send, (b"x-own", b"1"), (b"X-Own", b"2"), (b"keep-alive", b"no"), status=201)
    await body(send, bytearray(b"whole"))
@path
async def head(scope, receive, send):
    await start(send, (b"content-length", b"100"))
    await body(send)
@path
async def unchanged(scope, receive, send):
    await start(send, (b"Content-Length", b"100"), status=304)
    await body(send)
"""
        with program(source, loop) as served:
            served.wait_ready()
            for method, content in (("GET", b"whole"), ("HEAD", b"")):
                status, headers, received = served.request(method, "/whole")
                self.assertEqual((status, received, headers["Content-Length"]), (201, content, "5"))
                self.assertEqual(headers.get_all("X-Own"), ["1", "2"])
                self.assertNotIn("Keep-Alive", headers)
            self.assertEqual(served.request("HEAD", "/head")[1]["Content-Length"], "100")
            self.assertEqual(served.get("/head")[0], 500)
            status, headers, _ = served.get("/unchanged")
            self.assertEqual((status, headers["Content-Length"]), (304, "100"))
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_pieces(self, loop):
        source = """
@path
async def pieces(scope, receive, send):
    length = scope["query_string"]
    await start(send, *([(b"content-length", length)] if length else []))
    for number in range(3):
        await body(send, b"%d" % number * 1000, True)
    await body(send, b"end")
"""
        content = b"".join(b"%d" % number * 1000 for number in range(3)) + b"end"
        with program(source, loop, stream_buffer="4k") as served:
            served.wait_ready()
            status, headers, received = served.get("/pieces")
            self.assertEqual((status, headers["Transfer-Encoding"], received), (200, "chunked", content))
            status, headers, received = served.get("/pieces?3003")
            self.assertEqual((headers["Content-Length"], received), ("3003", content))
            self.assertEqual(served.request("HEAD", "/pieces?3003")[1]["Content-Length"], "3003")
            self.assertEqual(served.request("HEAD", "/pieces")[2], b"")
            old = served.raw(b"GET /pieces HTTP/1.0\r\n\r\n")
            self.assertTrue(old.endswith(b"\r\n\r\n" + content), old[:200])
            for length in (3002, 3004):
                received = served.raw(b"GET /pieces?%d HTTP/1.1\r\nHost: h\r\n\r\n" % length)
                self.assertLess(len(received.partition(b"\r\n\r\n")[2]), length)
                served.log.wait_for("GET /pieces: the application failed")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_it_waits_for_a_client_that_does_not_read(self, loop):
        source = """
sent = 0
@path
async def much(scope, receive, send):
    global sent
    await start(send)
    for _ in range(1024):
        await body(send, bytes(1 << 20), True)
        sent += 1
    await body(send)
@path
async def show(scope, receive, send):
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.3)
    await answer(send, f"{sent} {max_rss()}")
def max_rss():
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
        with program(source, loop) as served:
            served.wait_ready()
            before = int(served.get("/show")[2].split()[1])
            with served.connect_socket() as connection:
                connection.sendall(b"GET /much HTTP/1.1\r\nHost: h\r\n\r\n")
                sent, after = map(int, served.get("/show")[2].split())
                self.assertLess(sent, 64)
                self.assertLess(after - before, 6000)  # KiB: twice stream_buffer, a piece, and what Python needs
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_tasks_that_send_at_the_same_time_all_go_on(self, loop):
        source = """
@path
async def much(scope, receive, send):
    await start(send)
    async def flood(number):
        for _ in range(32):
            await body(send, bytes(1 << 19), True)
        told("sent", number)
    await asyncio.gather(flood(1), flood(2))
    await body(send)
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(len(served.get("/much")[2]), 1 << 25)
            self.assertEqual(served.stop(), 0)
            self.assertEqual(sorted(served.out.seen[1:]), ["sent 1", "sent 2"])

    @each_loop
    def test_extensions(self, loop):
        source = """
@path
async def file(scope, receive, send):
    await start(send, (b"x-own", b"1"))
    await send({"type": "http.response.pathsend", "path": forker.__file__})
@path
async def missing(scope, receive, send):
    await start(send)
    try:
        await send({"type": "http.response.pathsend", "path": "/nowhere"})
    except FileNotFoundError:
        await body(send, b"missing")
@path
async def trailers(scope, receive, send):
    await start(send, (b"trailer", b"x-sum"), trailers=True)
    await body(send, b"body")
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"4")]})
@path
async def hint(scope, receive, send):
    await send({"type": "http.response.early_hint", "links": [b"</a>; rel=preload", b"</b>; rel=preload"]})
    await answer(send, "hinted")
"""
        with program(source, loop) as served:
            served.wait_ready()
            with open(forker.__file__, "rb") as file:
                content = file.read()
            self.assertEqual(served.get("/file")[2], content)
            self.assertEqual(served.request("HEAD", "/file")[1]["Content-Length"], str(len(content)))
            self.assertEqual(served.get("/missing")[2], b"missing")
            with served.connect_socket() as connection:
                connection.sendall(b"GET /trailers HTTP/1.1\r\nHost: h\r\n\r\nGET /hint HTTP/1.1\r\nHost: h\r\n\r\n")
                received = read_to(connection, b"hinted")
            self.assertIn(b"trailer: x-sum\r\n", received)
            self.assertIn(b"\r\n0\r\nx-sum: 4\r\n\r\n", received)
            self.assertIn(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload, </b>; rel=preload\r\n\r\n", received)
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_what_fails(self, loop):
        source = """
@path
async def early(scope, receive, send):
    await start(send)
    raise RuntimeError("early")
@path
async def late(scope, receive, send):
    await start(send)
    await body(send, b"begun", True)
    raise RuntimeError("late")
@path
async def nothing(scope, receive, send):
    pass
@path
async def leaves(scope, receive, send):
    raise SystemExit(3)
@path
async def behind(scope, receive, send):
    await answer(send, "whole")
    raise RuntimeError("behind")
"""
        with program(source, loop) as served:
            served.wait_ready()
            for name, why in (("early", "early"), ("nothing", "without a complete response"), ("leaves", "SystemExit: 3")):
                status, headers, _ = served.get(f"/{name}")
                self.assertEqual(status, 500)
                served.log.wait_for(f"GET /{name}: the application failed")
                served.log.wait_for(why)
            received = served.raw(b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
            self.assertNotIn(b"\r\n0\r\n", received)
            served.log.wait_for("late")
            self.assertEqual(served.get("/behind")[2], b"whole")
            served.log.wait_for("RuntimeError: behind")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_messages_that_are_wrong(self, loop):
        source = """
CASES = {
    "body first": [{"type": "http.response.body"}],
    "unknown": [{"type": "http.response.nothing"}],
    "twice": [{"type": "http.response.start", "status": 200}] * 2,
    "status": [{"type": "http.response.start", "status": 99}],
    "large status": [{"type": "http.response.start", "status": 2**32 + 200}],
    "text status": [{"type": "http.response.start", "status": "200"}],
    "number": [{"type": "http.response.start", "status": 200, "headers": [(b"a", 1)]}],
    "large": [{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"18446744073709551620")]}],
    "header": [{"type": "http.response.start", "status": 200, "headers": [(b"a b", b"c")]}],
    "split": [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"c\\r\\nd: e")]}],
    "NUL": [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"c\\0d")]}],
    "length": [{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1x")]}],
    "text": [{"type": "http.response.start", "status": 200}, {"type": "http.response.body", "body": "text"}],
    "file": [{"type": "http.response.start", "status": 200}, {"type": "http.response.pathsend", "path": "/dev/null"}],
    "trailers": [{"type": "http.response.start", "status": 200}, {"type": "http.response.trailers", "headers": []}],
    "hint": [{"type": "http.response.early_hint", "links": [b"</a\\0>"]}],
}
@path
async def wrong(scope, receive, send):
    *before, last = CASES[scope["query_string"].decode().replace("%20", " ")]
    for message in before:
        await send(message)
    try:
        await send(last)
    except Exception as exc:
        if not before:
            await start(send)
        await body(send, f"{type(exc).__name__}: {exc}".encode())
"""
        expected = {
            "body first": "RuntimeError: send: 'http.response.body' comes before 'http.response.start'",
            "unknown": "ValueError: send: 'http.response.nothing' is no message for an HTTP response",
            "twice": "RuntimeError: send: 'http.response.start' comes after 'http.response.start'",
            "status": "ValueError: status 99 is not within 200 to 599",
            "large status": "ValueError: status 4294967496 is not within 200 to 599",
            "text status": "TypeError: a status is an int, not str",
            "number": "TypeError: send: names and values of headers are bytes, not int",
            "large": "ValueError: a body has no length of 18446744073709551620",
            "header": "Error: header_add a b: ",
            "split": "Error: header_add a: ",
            "NUL": "ValueError: send: a header with a NUL character",
            "length": "ValueError: send: Content-Length is b'1x', which is no length",
            "text": "TypeError: send: a body is bytes, not str",
            "file": "ValueError: send: /dev/null is no regular file",
            "trailers": "RuntimeError: send: 'http.response.trailers' comes after 'http.response.start'",
            "hint": "ValueError: send: a header with a NUL character",
        }
        with program(source, loop) as served:
            served.wait_ready()
            for name, sentence in expected.items():
                status, _, received = served.get(f"/wrong?{name.replace(' ', '%20')}")
                self.assertEqual((status, received.decode()[: len(sentence)]), (200, sentence))
            self.assertEqual(served.stop(), 0)


if __name__ == "__main__":
    unittest.main()
