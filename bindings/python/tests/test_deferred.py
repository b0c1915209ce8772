"""Responses that come later, in pieces, and from files; what C may call, and for how long."""

import contextlib
import http.client
import json
import os
import socket
import tempfile
import unittest
from pathlib import Path

from program import SERVE_WITH_THREAD, THREAD, Program, each_mode


class DeferredTest(unittest.TestCase):
    @each_mode
    def test_another_thread_answers(self, server):
        source = f"""{THREAD}{server}
@server.post("/:name")
def later(request):
    deferred = request.defer()
    reasons(deferred)
    def answer():
        body = {{"name": request.params["name"], "text": request.text, "cancelled": deferred.cancelled}}
        told("responded", deferred.respond((201, body, {{"X-By": "thread"}})), deferred.cancelled)
    jobs.put(answer)
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for text in ("one", "two"):
                status, headers, body = program.request("POST", "/me", text)
                self.assertEqual((status, headers["X-By"]), (201, "thread"))
                self.assertEqual(json.loads(body), {"name": "me", "text": text, "cancelled": False})
                lines = {program.out.wait_for(""), program.out.wait_for("")}
                self.assertEqual(lines, {"closed 0", "responded True True"})
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_client_that_leaves_is_told_of(self, server):
        source = f"""{THREAD}{server}
@server.get("/")
def later(request):
    deferred = request.defer()
    gone = watch_client(deferred)
    def answer():
        gone.wait()
        told("cancelled", deferred.cancelled, request.target, deferred.respond("too late"))
        try:
            deferred.respond("again")
        except forker.Error as error:
            told("again", error.code == forker.E_STATE)
        try:
            request.target
        except RuntimeError as error:
            told(error)
    jobs.put(answer)
    told("waiting")
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            connection = program.connect()
            connection.request("GET", "/")
            program.out.wait_for("waiting")
            connection.close()
            program.out.wait_for("closed 1")
            program.out.wait_for("cancelled True / False")
            program.out.wait_for("again True")
            program.out.wait_for("this request has ended: it can only be used until it is answered")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_what_goes_wrong_is_a_logged_500(self, server):
        source = f"""{THREAD}{server}
@server.get("/raises")
def raises(request):
    deferred = request.defer()
    raise ValueError("after defer")
@server.get("/forgets")
def forgets(request):
    request.defer()
    return "not the Deferred"
@server.get("/aborts")
def aborts(request):
    deferred = request.defer()
    jobs.put(deferred.abort)
    return deferred
@server.get("/loses")
def loses(request):
    return request.defer()
@server.get("/refused")
def refused(request):
    deferred = request.defer()
    def answer():
        for wrong in (None, {{1}}, (200, "a", {{"X": "b\\r\\nc"}}), forker.NEXT):
            try:
                deferred.respond(wrong)
            except (TypeError, forker.Error) as error:
                told("refused", type(error).__name__)
        try:
            deferred.respond((201, "", {{"X-Left": "over", "Connection": "close", "A B": "c"}}))
        except forker.Error:
            deferred.respond((404, "in the end", {{"X-New": "1"}}))
    jobs.put(answer)
    return deferred
@server.get("/closed")
def closed(request):
    deferred = request.defer()
    @deferred.on_close
    def fail(reason):
        raise ValueError("in on_close")
    jobs.put(lambda: deferred.respond("fine"))
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for target, line in (
                ("/raises", "ValueError: after defer"),
                ("/forgets", "a handler that defers its request returns the Deferred, not 'not the Deferred'"),
                ("/aborts", "the handler of GET /aborts dropped its handle"),
                ("/loses", "the handler of GET /loses dropped its handle"),
            ):
                self.assertEqual(program.get(target)[0], 500, target)
                program.log.wait_for(line)
            status, headers, body = program.get("/refused")
            self.assertEqual((status, body, headers["X-New"]), (404, b"in the end", "1"))
            self.assertEqual((headers["X-Left"], headers["Connection"]), (None, None))  # of those refused
            self.assertEqual(program.out.wait_for("refused"), "refused TypeError")
            self.assertEqual(program.get("/closed")[2], b"fine")
            program.log.wait_for("GET /closed: on_close: the function failed")
            program.log.wait_for("ValueError: in on_close")
            self.assertEqual(program.get("/closed")[0], 200)  # the worker goes on
            self.assertEqual(program.stop(), 0)

    def test_callbacks_live_as_long_as_they_can_be_called(self):
        source = f"""{THREAD}
server = make_server(workers=0)
class Watched:
    def __init__(self, name):
        self.name = name
        weakref.finalize(self, told, "collected", name)
    def __call__(self, *arguments):
        told("called", self.name)
@server.get("/stream")
def later(request):
    deferred = request.defer()
    deferred.on_close(Watched("replaced"))
    deferred.on_close(Watched("on_close"))
    stream = deferred.stream()
    stream.on_drain(Watched("on_drain"))
    gc.collect()
    told("registered")
    jobs.put(stream.close)
    return deferred
@server.get("/whole")
def whole(request):
    deferred = request.defer()
    deferred.on_close(Watched("whole"))
    weakref.finalize(deferred, told, "collected", "deferred")
    jobs.put(lambda: deferred.respond("whole"))
    return deferred
@server.get("/collect")
def collect(request):
    gc.collect()
    return "collected"
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/stream")[0], 200)
            program.out.wait_for("called on_close")
            program.out.wait_for("collected on_close")
            seen = program.out.seen
            self.assertLess(seen.index("collected replaced"), seen.index("registered"))
            self.assertNotIn("collected on_close", seen[: seen.index("called on_close")])
            self.assertNotIn("called replaced", seen)
            self.assertEqual(program.get("/whole")[2], b"whole")
            program.out.wait_for("called whole")
            program.get("/collect")
            self.assertEqual(program.stop(), 0)
            for name in ("on_drain", "whole", "deferred"):
                self.assertEqual(program.out.seen.count(f"collected {name}"), 1, name)

    def test_stop_ends_what_is_deferred(self):
        source = f"""{THREAD}
server = make_server(workers=0, drain_timeout=0.2)
kept = []
@server.get("/")
def later(request):
    kept.append(request.defer())
    reasons(kept[0])
    told("waiting")
    return kept[0]
server.worker_init(start_thread)
server.run()
told("after the end", kept[0].request.target, kept[0].cancelled, kept[0].respond("too late"))
"""
        with Program(source) as program:
            program.wait_ready()
            connection = program.connect()
            connection.request("GET", "/")
            program.out.wait_for("waiting")
            self.assertEqual(program.stop(), 0)
            connection.close()
            self.assertIn("closed 3", program.out.seen)
            self.assertIn("after the end / True False", program.out.seen)

    def test_forked_process_cannot_answer(self):
        source = f"""{THREAD}
server = make_server(workers=0)
@server.get("/")
def later(request):
    deferred = request.defer()
    pid = os.fork()
    if pid == 0:
        for call in (request.defer, lambda: deferred.respond("from the child"), lambda: deferred.stream()):
            try:
                call()
            except forker.Error as error:
                told("child", error.code == forker.E_PROCESS)
        os._exit(0)
    os.waitpid(pid, 0)
    deferred.respond("from the parent")
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"from the parent")
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen.count("child True"), 3)


class StreamTest(unittest.TestCase):
    @each_mode
    def test_pieces_and_trailers(self, server):
        source = f"""{THREAD}{server}
@server.get("/chunked")
def chunked(request):
    deferred = request.defer()
    def write():
        with deferred.stream(203, {{"X-Field": "value"}}, "text/plain") as stream:
            told("wrote", [stream.write(piece) for piece in ("one ", b"two ", memoryview(b"three"))])
    jobs.put(write)
    return deferred
@server.get("/trailers")
def trailers(request):
    deferred = request.defer()
    stream = deferred.stream()
    stream.write("body")
    stream.close({{"X-Sum": "4"}})
    stream.close()
    stream.abort()
    for call in (lambda: stream.write("more"), deferred.stream, lambda: deferred.respond(""), lambda: stream.on_drain(print)):
        try:
            call()
        except forker.Error as error:
            told("refused", error.code == forker.E_STATE)
    told("kept", forker.deferred._draining)
    return deferred
@server.get("/length")
def length(request):
    deferred = request.defer()
    stream = deferred.stream(length=5)
    try:
        stream.write("too long")
    except forker.Error as error:
        told("limit", error.code == forker.E_LIMIT)
    stream.write("right")
    stream.close()
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            status, headers, body = program.get("/chunked")
            self.assertEqual((status, body), (203, b"one two three"))
            shown = [headers[name] for name in ("X-Field", "Content-Type", "Transfer-Encoding")]
            self.assertEqual(shown, ["value", "text/plain", "chunked"])
            self.assertEqual(program.get("/trailers")[2], b"body")
            status, headers, body = program.get("/length")
            self.assertEqual((headers["Content-Length"], body), ("5", b"right"))
            self.assertEqual(program.stop(), 0)
            self.assertIn("wrote [True, True, True]", program.out.seen)
            self.assertEqual(program.out.seen.count("refused True"), 4)
            self.assertIn("kept {}", program.out.seen)
            self.assertIn("limit True", program.out.seen)

    @each_mode
    def test_a_stream_whose_job_fails_is_cut(self, server):
        source = f"""{THREAD}{server}
@server.get("/broken")
def broken(request):
    deferred = request.defer()
    def write():
        with deferred.stream(length=100) as stream:
            stream.write("begun")
            go.wait()
            raise ValueError("in the middle")
    jobs.put(write)
    return deferred
@server.get("/go")
def let_go(request):
    go.set()
    return ""
go = threading.Event()
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            with contextlib.closing(program.connect()) as connection:
                connection.request("GET", "/broken")
                response = connection.getresponse()
                self.assertEqual(response.read(5), b"begun")
                program.get("/go")
                with self.assertRaises(http.client.IncompleteRead):
                    response.read()
            program.out.wait_for("job raised ValueError('in the middle')")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_slow_client_makes_the_writer_wait(self, server):
        source = f"""{THREAD}{server}
server.set_option("stream_buffer", "64k")
TOTAL = 20 << 20
kept = []
@server.get("/")
def flood(request):
    deferred = request.defer()
    stream = deferred.stream(length=TOTAL)
    room = threading.Event()
    stream.on_drain(room.set)
    def write():
        left, waits = TOTAL, 0
        while left > 0:
            piece = bytes(min(left, 32 << 10))
            room.clear()
            while not stream.write(piece):
                waits += 1
                room.wait()
                room.clear()
            left -= len(piece)
        stream.close()
        told("waited", waits > 0)
    jobs.put(write)
    return deferred
@server.get("/fails")
def fails(request):
    deferred = request.defer()
    stream = deferred.stream(length=TOTAL)
    @stream.on_drain
    def drained():
        raise ValueError("in on_drain")
    kept.append(deferred)
    jobs.put(lambda: [None for _ in iter(lambda: stream.write(bytes(32 << 10)), False)])
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(len(program.get("/")[2]), 20 << 20)
            program.out.wait_for("waited True")
            with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                program.get("/fails")
            program.log.wait_for("GET /fails: on_drain: the function failed; the stream is aborted")
            program.log.wait_for("ValueError: in on_drain")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_events(self, server):
        source = f"""{THREAD}{server}
@server.get("/")
def events(request):
    deferred = request.defer()
    def write():
        with deferred.events({{"X-Field": "value"}}) as stream:
            stream.send("one\\ntwo", event="line", id="1")
            stream.send({{"n": 1}})
            try:
                stream.send("x", event="a\\nb")
            except forker.Error as error:
                told("refused", error.code == forker.E_INVALID, error)
            try:
                stream.write(b"x" * (2 << 20))
            except forker.Error as error:
                told("limit", error)
    jobs.put(write)
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            status, headers, body = program.get("/")
            self.assertEqual((status, headers["Content-Type"], headers["X-Field"]), (200, "text/event-stream", "value"))
            self.assertEqual(body, b'event: line\nid: 1\ndata: one\ndata: two\n\ndata: {"n":1}\n\n')
            program.out.wait_for("refused True sse_send: the event is not a single line")
            program.out.wait_for("limit stream_write: 2097152 bytes at once are more than option stream_buffer")
            self.assertEqual(program.stop(), 0)

    def test_client_that_leaves_ends_the_stream(self):
        source = f"""{THREAD}
server = make_server(half_close=False)
@server.get("/")
def endless(request):
    deferred = request.defer()
    stream = deferred.stream()
    gone = watch_client(deferred)
    stream.write("begun")
    def write():
        gone.wait()
        try:
            stream.write("more")
        except forker.Error as error:
            told("aborted", error.code == forker.E_ABORTED, stream.cancelled)
        stream.abort()
    jobs.put(write)
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            connection = program.connect()
            connection.request("GET", "/")
            response = connection.getresponse()
            self.assertEqual(response.read(5), b"begun")
            response.close()
            connection.close()
            program.out.wait_for("closed 1")
            program.out.wait_for("aborted True True")
            self.assertEqual(program.stop(), 0)


class FileTest(unittest.TestCase):
    def wants_less(self, program, content):
        """Asks for parts of a file, and on conditions."""

        def get(**fields):
            with contextlib.closing(program.connect()) as connection:
                names = {name.replace("_", "-"): value for name, value in fields.items()}
                connection.request("GET", "/page.html", headers=names)
                response = connection.getresponse()
                return response.status, response.headers, response.read()

        tag = get()[1]["ETag"]
        self.assertEqual(get(Range="bytes=5-9")[::2], (206, content[5:10]))
        self.assertEqual(get(Range="bytes=5-9")[1]["Content-Range"], f"bytes 5-9/{len(content)}")
        self.assertEqual(get(Range="bytes=99999999-")[0], 416)
        status, headers, body = get(If_None_Match=tag)
        self.assertEqual((status, body, headers["X-Field"], headers["ETag"]), (304, b"", "value", tag))
        self.assertEqual(get(If_Match='"x"')[0], 412)

    def test_files(self):
        source = """
from pathlib import Path
server = make_server()
@server.get("/deferred/:name")
def later(request):
    deferred = request.defer()
    deferred.respond(forker.Response.file(Path(os.environ["DIR"]) / request.params["name"], 203, {"X-Later": "1"}))
    return deferred
@server.get("/:name")
def show(request):
    return forker.Response.file(os.path.join(os.environ["DIR"], request.params["name"]), headers={"X-Field": "value"})
@server.get("/typed/:name")
def typed(request):
    return forker.Response.file(os.path.join(os.environ["DIR"], request.params["name"]), content_type="text/x")
@server.get("/part/:name")
def part(request):
    offset, length = int(request.query_param("from")), request.query_param("length")
    path, length = os.path.join(os.environ["DIR"], request.params["name"]), None if length is None else int(length)
    return forker.Response.file(path, 206, {"X-Part": "1"}, offset=offset, length=length)
@server.get("/nul/:name")
def nul(request):
    return forker.Response.file("a\\0b")
server.run()
"""
        with tempfile.TemporaryDirectory() as directory:
            content = bytes(range(256)) * 4096
            Path(directory, "page.html").write_bytes(content)
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as unix:
                unix.bind(str(Path(directory, "socket")))
            Path(directory, "none").write_bytes(b"")
            os.utime(Path(directory, "page.html"), (1e9, 1e9))  # so that its tag is a strong one
            with Program(source, {"DIR": directory}) as program:
                program.wait_ready()
                status, headers, body = program.get("/page.html")
                self.assertEqual((status, headers["Content-Type"], headers["X-Field"]), (200, "text/html", "value"))
                self.assertEqual(body, content)
                status, headers, body = program.get("/deferred/page.html")
                self.assertEqual((status, headers["X-Later"], body), (203, "1", content))
                self.assertEqual(program.get("/typed/page.html")[1]["Content-Type"], "text/x")
                self.wants_less(program, content)
                status, headers, body = program.get("/none")
                self.assertEqual((status, headers["Content-Type"], body), (200, "application/octet-stream", b""))
                self.assertEqual(program.get("/absent")[0], 404)
                for query, expected in (
                    ("from=256&length=3", content[256:259]),
                    ("from=1000", content[1000:]),
                    ("from=0&length=0", b""),
                ):
                    status, headers, body = program.get(f"/part/page.html?{query}")
                    self.assertEqual((status, headers["X-Part"], headers["Content-Type"]), (206, "1", "text/html"))
                    self.assertEqual(body, expected)
                self.assertEqual(program.get("/part/absent?from=1")[0], 404)
                self.assertEqual(program.get("/part/socket?from=1")[0], 404)
                for query in ("from=-1", "from=9999999", "from=0&length=9999999"):
                    self.assertEqual(program.get(f"/part/page.html?{query}")[0], 500, query)
                self.assertEqual(program.get("/nul/x")[0], 500)
                program.log.wait_for("ValueError: a path with a NUL character")
                self.assertEqual(program.stop(), 0)


class PoolTest(unittest.TestCase):
    def test_handlers_of_the_pool_may_block(self):
        source = """
import threading
server = make_server(workers=1)
release = threading.Event()
@server.thread_start
def starts(worker):
    os.write(1, b"thread starts\\n")
@server.thread_exit
def exits(worker):
    os.write(1, b"thread exits\\n")
@server.get("/block", dispatch="pool")
def block(request):
    os.write(1, b"blocking\\n")
    return {"released": release.wait(20), "cancelled": request.cancelled}
@server.get("/raise", dispatch="pool")
def fail(request):
    raise ValueError("in the pool")
@server.get("/release")
def let_go(request):
    release.set()
    return "inline"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            with contextlib.closing(program.connect()) as connection:
                connection.request("GET", "/block")
                program.out.wait_for("blocking")
                self.assertEqual(program.get("/release")[2], b"inline")
                self.assertEqual(json.loads(connection.getresponse().read()), {"released": True, "cancelled": False})
            self.assertEqual(program.get("/raise")[0], 500)
            program.log.wait_for("ValueError: in the pool")
            self.assertEqual(program.stop(), 0)
            self.assertIn("thread starts", program.out.seen)

    def test_writes_wait_for_the_client(self):
        source = """
import threading
server = make_server(stream_buffer="64k")
def wait(deferred):
    with deferred.stream() as stream:
        written = sum(stream.write_wait(b"x" * 50000) for _ in range(100))
        stream.write_wait(str(written))
def short(deferred):
    stream = deferred.stream()
    while stream.write_wait(b"x" * 50000, 0.01):
        pass
    told("no room")
@server.get("/:what")
def later(request):
    deferred = request.defer()
    threading.Thread(target=globals()[request.params["what"]], args=(deferred,)).start()
    return deferred
@server.get("/own/pool", dispatch="pool")
@server.get("/own/inline")
def own(request):
    deferred = request.defer()
    stream = deferred.stream()
    try:
        while stream.write_wait(b"x" * 50000):
            pass
    except forker.Error as error:
        told("own", error.code == forker.E_STATE)
    return deferred
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            for path in ("/own/inline", "/own/pool"):
                with contextlib.closing(program.connect()) as connection:
                    connection.request("GET", path)
                    program.out.wait_for("own True")
            self.assertEqual(program.get("/wait")[2], b"x" * 5000000 + b"100")
            with contextlib.closing(program.connect()) as connection:
                connection.request("GET", "/short")
                program.out.wait_for("no room")
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
