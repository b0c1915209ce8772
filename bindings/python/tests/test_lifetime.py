"""Who keeps what alive: C never looks at memory that Python has let go, nor Python at memory of C's."""

import contextlib
import http.client
import unittest
from unittest import mock

import forker
import forker.deferred
from program import SERVE_WITH_THREAD, THREAD, Program, each_mode


class ServerTest(unittest.TestCase):
    def test_close_waits_for_the_calls_of_other_threads(self):
        source = """
import threading
inside, release = threading.Event(), threading.Event()
def log(level, line):
    inside.set()
    release.wait()
server = forker.Server(log=log)
server.listen("127.0.0.1:0")
address = server.address()
thread = threading.Thread(target=server.log, args=(forker.LOG_ERROR, "a line"))
thread.start()
inside.wait()
server.close()
def try_to_listen():
    with forker.Server(log=lambda level, line: None) as other:
        try:
            other.listen(address)
            told("free")
        except forker.Error:
            told("taken")
try_to_listen()
release.set()
thread.join()
try_to_listen()
for call in (server.stats, server.reload, lambda: server.log(forker.LOG_INFO, "")):
    try:
        call()
    except forker.Error as error:
        told(error)
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen, ["taken", "free", *["the server is closed"] * 3])

    def test_error_of_a_run_does_not_keep_a_server_open(self):
        server = forker.Server()
        server.listen("127.0.0.1:0")
        address = server.address()
        try:
            server.run()
        except forker.Error as error:
            kept = error
        server.close()
        with forker.Server() as other:
            other.listen(address)
        self.assertEqual(kept.code, forker.E_STATE)

    def test_applications_do_not_keep_a_server_that_has_ended(self):
        source = """
import gc, http.client, weakref
import forker.asgi, forker.wsgi
def mount_asgi(server):
    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            for _ in range(2):
                await send({"type": (await receive())["type"] + ".complete"})
            return
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        if message["type"] == "http.disconnect" or scope["path"] == "/raises":
            told("raises", server.address())
            raise ValueError(scope["path"])
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
    forker.asgi.mount(server, application)
def mount_wsgi(server):
    def application(environ, start_response):
        environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/raises":
            raise ValueError(server.address())
        start_response("200 OK", [])
        return iter([b"a", b"b"])
    forker.wsgi.mount(server, application)
def make(mount):
    server = forker.Server(workers=0, log=lambda level, line: None)
    server.listen("127.0.0.1:0")
    mount(server)
    return server
def serve(mount, kept):
    server = make(mount)
    for _ in range(2):
        server.start()
        connection = http.client.HTTPConnection(server.address())
        for method, path, body in (("GET", "/", None), ("POST", "/", bytes(100000)), ("POST", "/raises", b"a")):
            connection.request(method, path, body)
            connection.getresponse().read()
        connection.putrequest("POST", "/leaves")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"a part")
        connection.close()
        server.stop()
        server.wait()
    kept.append(weakref.ref(server))
kept = []
for mount in (mount_asgi, mount_wsgi):
    kept.append(weakref.ref(make(mount)))
    serve(mount, kept)
gc.collect()
told("kept", [reference() for reference in kept])
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertIn("kept [None, None, None, None]", program.out.seen)

    def test_timers_of_a_server_that_has_ended_do_not_keep_it(self):
        source = """
import gc, weakref
def serve():
    server = forker.Server(workers=0, log=lambda level, line: None)
    server.listen("127.0.0.1:0")
    server.get("/")(lambda request: "")
    for _ in range(2):
        @server.worker_ready
        def begin(worker):
            server.call_later(3600, lambda: None, every=1)
            for delay in (float("nan"), float("inf"), 1e300, -1):
                try:
                    server.call_later(delay, lambda: None)
                except (forker.Error, ValueError) as error:
                    told(type(error).__name__)
        server.start()
        server.stop()
        server.wait()
    told(len(server._timers))
    return weakref.ref(server)
ended = serve()
gc.collect()
told(ended() is None, len(forker.timer._timers))
"""
        with Program(source) as program:
            self.assertEqual(program.wait(), 0)
            self.assertEqual(program.out.seen, [*["ValueError", "Error", "Error", "Error"] * 2, "1", "True 0"])


class DeferredTest(unittest.TestCase):
    @each_mode
    def test_request_ends_with_a_deferred_that_is_lost(self, server):
        source = f"""{THREAD}{server}
kept = []
@server.get("/lost")
def lose(request):
    kept.append(request)
    return request.defer()
@server.get("/use")
def use(request):
    for ask in (lambda: kept[0].path, lambda: kept[0].cancelled, lambda: kept[0].body):
        try:
            told("got", ask())
        except RuntimeError as error:
            told(error)
    told(kept[0])
    return ""
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/lost")[0], 500)
            self.assertEqual(program.get("/use")[0], 200)
            self.assertEqual(program.stop(), 0)
            ended = "this request has ended: it can only be used until it is answered"
            self.assertEqual([line for line in program.out.seen if line == ended], [ended] * 3)
            self.assertIn("<Request, ended>", program.out.seen)

    @each_mode
    def test_stream_that_is_lost_with_its_function_is_aborted(self, server):
        source = f"""{THREAD}{server}
@server.get("/lost")
def lose(request):
    deferred = request.defer()
    stream = deferred.stream(length=100)
    @stream.on_drain
    def drained():
        stream.write("more")
    return deferred
@server.get("/collect")
def collect(request):
    gc.collect()
    return ""
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            with contextlib.closing(program.connect()) as connection:
                connection.request("GET", "/lost")
                response = connection.getresponse()  # its head: the handler has returned
                program.get("/collect")
                with self.assertRaises((ConnectionError, http.client.IncompleteRead)):
                    response.read()
            self.assertEqual(program.stop(), 0)

    def test_function_that_is_refused_leaves_the_one_before(self):
        request, first, second = mock.Mock(_guard=mock.MagicMock()), mock.Mock(), mock.Mock()
        deferred = forker.Deferred(request, 1 << 40, mock.Mock())
        self.addCleanup(deferred._release.detach)
        with mock.patch("forker.deferred.lib") as lib:
            lib.forker_deferred_on_close.return_value = 0
            deferred.on_close(first)
            lib.forker_deferred_on_close.return_value = forker.E_ABORTED
            with self.assertRaises(forker.Error):  # it has just ended; the call is on its way
                deferred.on_close(second)
            forker.deferred._CLOSED(1 << 40, forker.CLOSE_CLIENT, None)
            first.assert_called_once_with(forker.CLOSE_CLIENT)
            second.assert_not_called()
            with self.assertRaises(forker.Error):
                deferred.on_close(second)
            self.assertEqual(forker.deferred._closing, {})

    @each_mode
    def test_what_is_no_piece_and_no_length_is_refused(self, server):
        source = f"""{THREAD}{server}
@server.get("/")
def refuse(request):
    deferred = request.defer()
    for length in (-1, 2**64 + 5):
        try:
            deferred.stream(length=length)
        except ValueError as error:
            told(error)
    with deferred.stream() as stream:
        for wrong in (5, [1, 2], None):
            try:
                stream.write(wrong)
            except TypeError as error:
                told(error)
        stream.write("right")
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"right")
            self.assertEqual(program.stop(), 0)
            self.assertIn("a body has no length of -1", program.out.seen)
            self.assertIn("a body has no length of 18446744073709551621", program.out.seen)
            self.assertIn("a piece is str, bytes, bytearray or memoryview, not int", program.out.seen)


class CallTest(unittest.TestCase):
    def test_output_that_fails_harms_no_hook(self):
        source = """
class Broken:
    def write(self, text): pass
    def flush(self): raise RuntimeError("broken")
sys.stdout = Broken()
server = make_server()
server.post_fork(lambda worker: told("post_fork"))
@server.get("/")
def greet(request):
    return "fine"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"fine")
            program.stop()
            self.assertNotIn("ctypes callback", "\n".join(program.log.seen))


if __name__ == "__main__":
    unittest.main()
