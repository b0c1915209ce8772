"""ASGI applications: what they see of a request, and what becomes of what they send."""

import contextlib
import json
import re
import socket
import unittest

import forker
import forker.asgi
from asgi_program import each_loop, program
from program import TIMEOUT

SHOW = """
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    shown = {name: value for name, value in scope.items() if name != "headers"}
    shown["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    await answer(send, json.dumps(shown, default=lambda value: value.decode("latin-1")))
"""


def connect(served):
    host, port = served.address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), TIMEOUT)


def read_to(connection, end):
    """What comes up to some bytes, inclusive."""
    received = b""
    while not received.endswith(end):
        data = connection.recv(65536)
        if not data:
            raise AssertionError(f"the connection ended behind {received!r}")
        received += data
    return received


def raw(served, text):
    """What comes for a request that is sent as it is, up to the end of the connection."""
    with connect(served) as connection:
        connection.sendall(text)
        received = b""
        while data := connection.recv(65536):
            received += data
        return received


class ScopeTest(unittest.TestCase):
    @each_loop
    def test_names_are_those_of_asgi(self, loop):
        with program(SHOW, loop) as served:
            served.wait_ready()
            target = "/a%20b/../%C3%A9?x=1&y=%20"
            seen = json.loads(served.get(target, {"X-One": "a", "x-two": "\xe9"})[2])
            host, port = served.address.rsplit(":", 1)
            self.assertEqual(seen.pop("client")[0], "127.0.0.1")
            headers = dict(seen.pop("headers"))
            self.assertEqual((headers["x-one"], headers["x-two"], headers["host"]), ("a", "\xe9", served.address))
            self.assertEqual(
                seen,
                {
                    "type": "http",
                    "asgi": {"version": "3.0", "spec_version": "2.3"},
                    "http_version": "1.1",
                    "method": "GET",
                    "scheme": "http",
                    "path": "/é",
                    "raw_path": "/a%20b/../%C3%A9",
                    "query_string": "x=1&y=%20",
                    "root_path": "",
                    "server": [host, int(port)],
                    "state": {},
                    "extensions": {
                        "http.response.pathsend": {},
                        "http.response.trailers": {},
                        "http.response.early_hint": {},
                    },
                },
            )
            self.assertEqual(served.stop(), 0)

    def test_targets_with_an_authority(self):
        with program(SHOW) as served:
            served.wait_ready()
            request = b"GET http://other/a%2Fb?c HTTP/1.0\r\n\r\n"
            seen = json.loads(raw(served, request).partition(b"\r\n\r\n")[2])
            self.assertEqual((seen["path"], seen["raw_path"], seen["http_version"]), ("/a/b", "/a%2Fb", "1.0"))
            self.assertEqual(served.stop(), 0)

    def test_a_proxy_tells_the_scheme(self):
        told = {"X-Forwarded-Proto": "https"}
        with program(SHOW) as served:
            served.wait_ready()
            self.assertEqual(json.loads(served.get("/", told)[2])["scheme"], "https")
            self.assertEqual(served.stop(), 0)
        others = 'forker.asgi.mount.__kwdefaults__["forwarded_allow_ips"] = ["192.0.2.1"]\n'
        with program(SHOW + others) as served:
            served.wait_ready()
            self.assertEqual(json.loads(served.get("/", told)[2])["scheme"], "http")
            self.assertEqual(served.stop(), 0)

    def test_a_trusted_proxy_tells_the_client(self):
        told = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
        with program(SHOW, trusted_proxies="127.0.0.1", forwarded="x-forwarded-for") as served:
            served.wait_ready()
            seen = json.loads(served.get("/", told)[2])
            self.assertEqual((seen["client"], seen["scheme"]), (["192.0.2.7", 0], "https"))
            self.assertEqual(json.loads(served.get("/")[2])["client"][0], "127.0.0.1")
            self.assertEqual(served.stop(), 0)

    def test_several_applications_below_paths(self):
        source = (
            SHOW
            + """
server = make_server()
forker.asgi.mount(server, dispatch, "/app")
forker.asgi.mount(server, dispatch, "/proxied", root_path="/shop")
@server.get("/app/own")
def own(request):
    return "own"
server.run()
"""
        )
        with program(source) as served:
            served.wait_ready()
            for target in ("/app", "/app/", "/app/x/y"):
                seen = json.loads(served.get(target)[2])
                self.assertEqual((seen["root_path"], seen["path"], seen["raw_path"]), ("/app", target, target))
            for target in ("/proxied/x", "/proxied"):
                seen = json.loads(served.get(target)[2])
                self.assertEqual((seen["root_path"], seen["path"]), ("/shop/proxied", "/shop" + target))
            self.assertEqual(served.get("/app/own")[2], b"own")
            self.assertEqual(served.get("/other")[0], 404)
            served.send_signal()
            # The prologue's serve() comes next, whose server is stopped, too.
            served.wait_ready()
            self.assertEqual(served.stop(), 0)

    def test_websockets_are_refused(self):
        with program(SHOW) as served:
            served.wait_ready()
            upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
            for _ in range(2):
                self.assertEqual(served.get("/", upgrade)[0], 501)
            served.log.wait_for("WebSocket")
            self.assertEqual(served.stop(), 0)
            self.assertEqual(len([line for line in served.log.seen if "WebSocket" in line]), 1)


class ReceiveTest(unittest.TestCase):
    @each_loop
    def test_bodies(self, loop):
        source = """
@path
async def count(scope, receive, send):
    content = await read(receive)
    await answer(send, (len(content), set(content)))
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.get("/count")[2], b"(0, set())")
            for size in (0, 1, 8000, 3_000_000):
                expected = str((size, {ord("z")} if size else set())).encode()
                self.assertEqual(served.request("POST", "/count", b"z" * size)[2], expected)
                self.assertEqual(served.request("POST", "/count", iter([b"z" * size]))[2], expected)
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_a_client_is_told_to_go_on_when_the_application_reads(self, loop):
        source = """
asked = asyncio.Event()
@path
async def wait(scope, receive, send):
    told("waits")
    await asked.wait()
    await answer(send, await read(receive))
@path
async def ask(scope, receive, send):
    asked.set()
    await answer(send, "asked")
"""
        with program(source, loop) as served:
            served.wait_ready()
            with connect(served) as connection:
                connection.sendall(
                    b"POST /wait HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
                )
                served.out.wait_for("waits")
                connection.setblocking(False)
                with self.assertRaises(BlockingIOError):
                    connection.recv(1)
                connection.settimeout(TIMEOUT)
                served.get("/ask")
                self.assertEqual(read_to(connection, b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
                connection.sendall(b"hi")
                self.assertIn(b"200 OK", read_to(connection, b"\r\n\r\nb'hi'"))
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_an_application_that_does_not_read_holds_the_client_back(self, loop):
        source = """
asked = asyncio.Event()
@path
async def wait(scope, receive, send):
    await asked.wait()
    await answer(send, len(await read(receive)))
@path
async def ask(scope, receive, send):
    asked.set()
    await answer(send, "asked")
"""
        total = 64 << 20
        with program(source, loop, max_body="100m") as served:
            served.wait_ready()
            with connect(served) as connection:
                connection.sendall(b"POST /wait HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % total)
                sent = send_until_full(connection)
                self.assertLess(sent, total // 2)  # what the kernel and the library hold
                served.get("/ask")
                connection.sendall(bytes(total - sent))
                self.assertTrue(read_to(connection, b"%d" % total).startswith(b"HTTP/1.1 200"))
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_behind_the_body_it_waits_for_the_end(self, loop):
        source = """
@path
async def wait(scope, receive, send):
    await read(receive)
    waits = asyncio.ensure_future(receive())
    done, _ = await asyncio.wait([waits], timeout=0.05)
    await answer(send, bool(done))
    told((await waits)["type"], (await receive())["type"])
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.request("POST", "/wait", b"body")[2], b"False")
            served.out.wait_for("http.disconnect http.disconnect")
            self.assertEqual(served.stop(), 0)

    @each_loop
    def test_a_client_that_leaves_is_told_and_the_task_goes_on(self, loop):
        source = """
@path
async def work(scope, receive, send):
    if scope["method"] == "GET":
        await receive()
        await start(send)
        await body(send, b"begun", True)
    else:
        told((await receive())["body"])
    told("begun")
    told((await receive())["type"], (await receive())["type"])
    try:
        await body(send, b"more", True)
    except OSError as exc:
        told("refused:", exc)
    await body(send, b"last")
    await asyncio.sleep(0.01)
    told("done")
"""
        with program(source, loop) as served:
            served.wait_ready()
            for request in (b"GET /work HTTP/1.1\r\nHost: h\r\n\r\n",
                            b"POST /work HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n0123456789"):  # fmt: skip
                with connect(served) as connection:
                    connection.sendall(request)
                    served.out.wait_for("begun")
                served.out.wait_for("http.disconnect http.disconnect")
                served.out.wait_for("refused: the client has left")
                served.out.wait_for("done")
            self.assertEqual(served.stop(), 0)
            self.assertFalse([line for line in served.log.seen if "failed" in line])

    @each_loop
    def test_a_response_that_begins_before_the_body_has_ended(self, loop):
        source = """
@path
async def echo(scope, receive, send):
    message = await receive()
    await start(send)
    while message["type"] == "http.request":
        await body(send, message["body"], message["more_body"])
        if not message["more_body"]:
            break
        message = await receive()
    told("echoed", message["type"])
@path
async def refuse(scope, receive, send):
    await start(send, status=413)
    await body(send, b"too", True)
    await body(send, b"large")
    told("refused", (await receive())["type"], (await receive())["type"])
"""
        with program(source, loop) as served:
            served.wait_ready()
            content = bytes(range(256)) * 4000
            self.assertEqual(served.request("POST", "/echo", content)[2], content)
            served.out.wait_for("echoed http.request")
            with connect(served) as connection:
                connection.sendall(b"POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n0123456789")
                self.assertIn(b" 413 ", read_to(connection, b"\r\n0\r\n\r\n"))
                served.out.wait_for("refused http.request http.disconnect")
            self.assertEqual(served.stop(), 0)


def send_until_full(connection):
    """Sends zeros until nobody takes them for a while. Returns how many."""
    connection.settimeout(0.5)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while True:
            sent += connection.send(bytes(1 << 16))
    connection.settimeout(TIMEOUT)
    return sent


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
            old = raw(served, b"GET /pieces HTTP/1.0\r\n\r\n")
            self.assertTrue(old.endswith(b"\r\n\r\n" + content), old[:200])
            for length in (3002, 3004):
                received = raw(served, b"GET /pieces?%d HTTP/1.1\r\nHost: h\r\n\r\n" % length)
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
            with connect(served) as connection:
                connection.sendall(b"GET /much HTTP/1.1\r\nHost: h\r\n\r\n")
                sent, after = map(int, served.get("/show")[2].split())
                self.assertLess(sent, 64)
                self.assertLess(after - before, 6000)  # KiB: twice stream_buffer, a piece, and what Python needs
            self.assertEqual(served.stop(), 0)

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
            with connect(served) as connection:
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
            received = raw(served, b"GET /late HTTP/1.1\r\nHost: h\r\n\r\n")
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
    "header": [{"type": "http.response.start", "status": 200, "headers": [(b"a b", b"c")]}],
    "split": [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"c\\r\\nd: e")]}],
    "NUL": [{"type": "http.response.start", "status": 200, "headers": [(b"a", b"c\\0d")]}],
    "length": [{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1x")]}],
    "text": [{"type": "http.response.start", "status": 200}, {"type": "http.response.body", "body": "text"}],
    "file": [{"type": "http.response.start", "status": 200}, {"type": "http.response.pathsend", "path": "/dev/null"}],
    "trailers": [{"type": "http.response.start", "status": 200}, {"type": "http.response.trailers", "headers": []}],
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
            "status": "Error: status: ",
            "header": "Error: header_add a b: ",
            "split": "Error: header_add a: ",
            "NUL": "ValueError: send: a header with a NUL character",
            "length": "ValueError: send: Content-Length is b'1x', which is no length",
            "text": "TypeError: send: a body is bytes, not str",
            "file": "ValueError: send: /dev/null is no regular file",
            "trailers": "RuntimeError: send: 'http.response.trailers' comes after 'http.response.start'",
        }
        with program(source, loop) as served:
            served.wait_ready()
            for name, sentence in expected.items():
                status, _, received = served.get(f"/wrong?{name.replace(' ', '%20')}")
                self.assertEqual((status, received.decode()[: len(sentence)]), (200, sentence))
            self.assertEqual(served.stop(), 0)


class LoopTest(unittest.TestCase):
    @each_loop
    def test_a_lifespan_begins_before_requests_and_ends_after_them(self, loop):
        source = """
level = contextvars.ContextVar("level", default="none")
async def dispatch(scope, receive, send):
    if scope["type"] == "http":
        seen = dict(scope["state"])
        scope["state"]["count"] = 5
        return await answer(send, f"{seen} {level.get()}")
    assert (await receive())["type"] == "lifespan.startup"
    told("begins")
    scope["state"]["count"] = 1
    level.set("own")
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await asyncio.sleep(0.01)
    told("ends")
    await send({"type": "lifespan.shutdown.complete"})
"""
        for options in ({}, {"workers": 0}):
            with program(source, loop, **options) as served:
                served.out.wait_for("ready") if not options else None
                served.out.wait_for("begins")
                served.address = re.search(r"serving on (\S+)", served.log.wait_for("serving on"))[1]
                for _ in range(2):
                    self.assertEqual(served.get("/")[2], b"{'count': 1} own")
                self.assertEqual(served.stop(), 0)
                self.assertIn("ends", served.out.seen)

    @each_loop
    def test_a_lifespan_that_fails_is_a_failed_boot(self, loop):
        source = """
async def dispatch(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})
try:
    serve(LOOP)
except forker.Error as exc:
    told("failed:", exc)
sys.exit()
""".replace("LOOP", repr(loop))
        with program(source, loop) as served:
            served.log.wait_for("the application cannot begin: no database")
            served.out.wait_for("failed:")
            self.assertEqual(served.wait(), 0)

    def test_applications_without_a_lifespan(self):
        source = """
async def dispatch(scope, receive, send):
    assert scope["type"] == "http"
    await answer(send, "state" in scope)
"""
        for mode in ("auto", "off"):
            with program(source, lifespan=mode) as served:
                served.wait_ready()
                self.assertEqual(served.get("/")[2], b"False")
                self.assertEqual(served.stop(), 0)
        source += """
try:
    serve(lifespan="on")
except forker.Error:
    told("failed")
sys.exit()
"""
        with program(source) as served:
            served.log.wait_for("AssertionError")
            served.out.wait_for("failed")
            self.assertEqual(served.wait(), 0)

    @each_loop
    def test_tasks_outlive_their_request_and_are_waited_for(self, loop):
        source = """
@path
async def work(scope, receive, send):
    await answer(send, "answered")
    told("works")
    await asyncio.sleep(0.5)
    told("done")
"""
        with program(source, loop) as served:
            served.wait_ready()
            self.assertEqual(served.get("/work")[2], b"answered")
            served.out.wait_for("works")
            self.assertEqual(served.stop(), 0)
            self.assertIn("done", served.out.seen)

    @each_loop
    def test_tasks_are_cancelled_when_the_time_is_over(self, loop):
        source = """
@path
async def work(scope, receive, send):
    if scope["query_string"]:
        await answer(send, "answered")
    try:
        told("works")
        await asyncio.sleep(3600)
    finally:
        told("cancelled")
"""
        for query in ("?answered", ""):
            with program(source, loop, drain_timeout="1s") as served:
                served.wait_ready()
                with connect(served) as connection:
                    connection.sendall(f"GET /work{query} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                    served.out.wait_for("works")
                    self.assertEqual(served.stop(), 0)
                self.assertIn("cancelled", served.out.seen)
                self.assertTrue([line for line in served.log.seen if "a task of the application cancelled" in line])
                self.assertFalse([line for line in served.log.seen if "killed" in line])

    @each_loop
    def test_a_worker_that_is_idle_is_not_hung_and_one_that_blocks_is(self, loop):
        source = """
@path
async def pid(scope, receive, send):
    await answer(send, os.getpid())
@path
async def block(scope, receive, send):
    await asyncio.sleep(0)
    time.sleep(60)
@path
async def wait(scope, receive, send):
    await asyncio.sleep(3)
    await answer(send, os.getpid())
"""
        with program(source, loop, hang_timeout="1s") as served:
            served.wait_ready()
            pid = served.get("/pid")[2]
            self.assertEqual(served.get("/wait")[2], pid)
            with connect(served) as connection:
                connection.sendall(b"GET /block HTTP/1.1\r\nHost: h\r\n\r\n")
                line = served.log.wait_for("hangs: it has stood still for")
                self.assertIn("in GET /block from 127.0.0.1", line)
                served.wait_ready()
            self.assertNotEqual(served.get("/pid")[2], pid)
            self.assertEqual(served.stop(), 0)

    def test_a_server_with_an_application_is_not_opened(self):
        # In a process of its own: one in which Go runs can fork no workers, as other tests want.
        source = """
async def dispatch(scope, receive, send):
    pass
with forker.Server(workers=0) as server:
    forker.asgi.mount(server, dispatch)
    server.listen("127.0.0.1:0")
    try:
        server.open()
    except forker.Error as exc:
        told("refused:", exc.code == forker.E_BOOT)
sys.exit()
"""
        with program(source) as served:
            served.log.wait_for("has a loop of its own")
            served.out.wait_for("refused: True")
            self.assertEqual(served.wait(), 0)

    def test_arguments_that_are_wrong(self):
        with forker.Server() as server:
            for arguments in ({"path": "app"}, {"root_path": "/x/"}, {"loop": "trio"}, {"lifespan": "maybe"}):
                with self.assertRaises(ValueError, msg=arguments):
                    forker.asgi.mount(server, None, **arguments)
            forker.asgi.mount(server, None, loop="asyncio")
            with self.assertRaises(ValueError):
                forker.asgi.mount(server, None, "/other", loop="uvloop")


if __name__ == "__main__":
    unittest.main()
