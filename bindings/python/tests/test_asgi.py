"""ASGI applications: what they see of a request and of its client."""

import contextlib
import json
import unittest

from asgi_program import each_loop, program
from program import TIMEOUT, read_to

SHOW = """
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    shown = {name: value for name, value in scope.items() if name != "headers"}
    shown["headers"] = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]]
    await answer(send, json.dumps(shown, default=lambda value: value.decode("latin-1")))
"""


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
            seen = json.loads(served.raw(request).partition(b"\r\n\r\n")[2])
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
            with served.connect_socket() as connection:
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
            with served.connect_socket() as connection:
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
                with served.connect_socket() as connection:
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
            with served.connect_socket() as connection:
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


if __name__ == "__main__":
    unittest.main()
