"""What becomes of what a WSGI application returns."""

import contextlib
import os
import tempfile
import unittest
from pathlib import Path

from wsgi_program import each_way, program


class ResponseTest(unittest.TestCase):
    @each_way
    def test_a_list_has_a_length(self, threads):
        source = """
@path
def several(environ, start_response):
    start(start_response, ("X-Own", "1"), ("X-Own", "2"), ("Keep-Alive", "no"), status="201 Sure")
    return [b"one ", b"", b"two"]
dispatch = several
"""
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for method, body in (("GET", b"one two"), ("HEAD", b"")):
                status, headers, received = served.request(method, "/")
                self.assertEqual((status, received, headers["Content-Length"]), (201, body, "7"))
                self.assertEqual(headers.get_all("X-Own"), ["1", "2"])
                self.assertNotIn("Keep-Alive", headers)
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_a_generator_is_sent_in_pieces(self, threads):
        source = """
@path
def generate(environ, start_response):
    start(start_response)
    return Pieces([b"", b"one ", b"", b"two"])
@path
def whole(environ, start_response):
    start(start_response, ("Content-Length", "3"))
    return Pieces([b"", b"all"])
@path
def long(environ, start_response):
    start(start_response, ("Content-Length", "7"))
    return Pieces([b"one ", b"two"])
@path
def nothing(environ, start_response):
    start(start_response)
    return Pieces([])
"""
        expected = [
            ("/generate", b"one two", None),
            ("/whole", b"all", "3"),
            ("/long", b"one two", "7"),
            ("/nothing", b"", "0"),
        ]
        with program(source, threads) as served:
            served.wait_ready()
            for target, body, length in expected:
                status, headers, received = served.get(target)
                self.assertEqual((status, received, headers["Content-Length"]), (200, body, length), target)
                served.out.wait_for("closed")
                status, headers, received = served.request("HEAD", target)
                self.assertEqual((status, received, headers["Content-Length"]), (200, b"", length), target)
                served.out.wait_for("closed")
            self.assertEqual(served.stop(), 0)
            self.assertEqual(served.out.seen.count("closed"), 8)

    @each_way
    def test_an_iterable_may_start_late_and_fail_to_close(self, threads):
        source = """
@path
def late(environ, start_response):
    yield b""
    start(start_response, ("Content-Length", "4"))
    yield b"late"
@path
def instead(environ, start_response):
    start(start_response, ("Content-Length", "4"))
    start_anew(start_response, ("Content-Length", "7"), status="503 Sorry")
    yield b"instead"
@path
def nothing(environ, start_response):
    start(start_response)
    yield b""
class Unclosable(Pieces):
    def close(self):
        super().close()
        raise SystemExit("it stays open")
@path
def open(environ, start_response):
    start(start_response, ("Content-Length", "4"))
    return Unclosable([b"open"])
@path
def input(environ, start_response):
    start(start_response, ("Content-Length", "4"))
    pieces = Pieces([b"read"])
    pieces.close = lambda: told(environ["wsgi.input"].read())
    return pieces
"""
        expected = {"late": (200, b"late"), "instead": (503, b"instead"), "nothing": (200, b""), "open": (200, b"open")}
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for name, (status, body) in expected.items():
                self.assertEqual(served.get(f"/{name}")[::2], (status, body), name)
            served.log.wait_for("GET /open: close() failed")
            served.log.wait_for("SystemExit: it stays open")
            self.assertEqual(served.request("POST", "/input", b"a body")[2], b"read")
            served.out.wait_for("a body")  # close() comes before that of the input
            self.assertEqual(served.stop(), 0)
            self.assertEqual(served.out.seen.count("closed"), 1)

    @each_way
    def test_lengths_without_a_body(self, threads):
        source = """
@path
def head(environ, start_response):
    start(start_response, ("Content-Length", "77"))
    return []
@path
def same(environ, start_response):
    start_response("304 Not Modified", [("Content-Length", "77"), ("ETag", '"x"')])
    return iter([])
@path
def none(environ, start_response):
    start_response("204 No Content", [])
    return []
"""
        with program(source, threads) as served:
            served.wait_ready()
            status, headers, _ = served.request("HEAD", "/head")
            self.assertEqual((status, headers["Content-Length"]), (200, "77"))
            status, headers, _ = served.get("/same")
            self.assertEqual((status, headers["Content-Length"], headers["ETag"]), (304, "77", '"x"'))
            status, headers, _ = served.get("/none")
            self.assertEqual((status, headers["Content-Length"]), (204, None))
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_fields_are_the_same_in_responses_of_every_kind(self, threads):
        own = [("X-One", "1"), ("x-one", "2"), ("X-Empty", "")]
        more = {"latin": [("X-Latin", "caf\xe9")], "large": [("X-Large", "x" * 20_000)]}
        source = f"""
own, more = {own!r}, {more!r}
results = {{
    "pieces": lambda environ: iter([b"wh", b"ole"]),
    "written": lambda environ: (piece for piece in (b"", b"whole")),
    "file": lambda environ: environ["wsgi.file_wrapper"](open(forker.__file__, "rb")),
}}
def dispatch(environ, start_response):
    name = environ["PATH_INFO"][1:]
    if name == "iterator":
        start_response("200 OK", map(list, [("Content-Type", "text/plain"), *own]))
    else:
        start(start_response, ("X-Dropped", "1"))
        start_anew(start_response, *own, *more.get(name, ()))
    return results[name](environ) if name in results else [b"whole"]
"""
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for name in ("whole", "latin", "pieces", "written", "file", "large", "iterator"):
                expected = [("Content-Type", "text/plain"), *own, *more.get(name, [])]
                for method in ("GET", "HEAD"):
                    status, headers, _ = served.request(method, f"/{name}")
                    received = [field for field in headers.items() if field[0].lower().startswith(("content-type", "x-"))]
                    self.assertEqual((status, received), (200, expected), f"{method} {name}")
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_write_comes_first(self, threads):
        source = """
@path
def old(environ, start_response):
    write = start(start_response)
    write(b"one ")
    write(b"two ")
    return [b"three"]
"""
        with program(source, threads) as served:
            served.wait_ready()
            self.assertEqual(served.get("/old")[2], b"one two three")
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_files(self, threads):
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory, "file")
            file.write_bytes(bytes(range(256)) * 4000)
            source = f"""
@path
def whole(environ, start_response):
    start(start_response)
    return environ["wsgi.file_wrapper"](open({str(file)!r}, "rb"))
@path
def part(environ, start_response):
    start(start_response, ("Content-Length", "1000"))
    file = open({str(file)!r}, "rb")
    file.seek(100)
    return environ["wsgi.file_wrapper"](file, 512)
@path
def memory(environ, start_response):
    start(start_response)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 100_000))
"""
            with program(source, threads, checked=False) as served:
                served.wait_ready()
                _, headers, received = served.get("/whole")
                self.assertEqual((received, headers["Content-Length"]), (file.read_bytes(), "1024000"))
                self.assertEqual(served.get("/part")[2], file.read_bytes()[100:1100])
                self.assertEqual(served.get("/memory")[2], b"x" * 100_000)
                self.assertEqual(served.request("HEAD", "/whole")[1]["Content-Length"], "1024000")
                self.assertEqual(served.stop(), 0)


class PaceTest(unittest.TestCase):
    @each_way
    def test_a_piece_is_sent_before_the_next_is_made(self, threads):
        with tempfile.TemporaryDirectory() as directory:
            gate = os.path.join(directory, "gate")
            os.mkfifo(gate)
            source = f"""
@path
def wait(environ, start_response):
    start(start_response)
    yield b"first\\n"
    with open({gate!r}) as gate:
        gate.read()
    yield b"second\\n"
"""
            with program(source, threads, checked=False) as served:
                served.wait_ready()
                with contextlib.closing(served.connect()) as client:
                    client.request("GET", "/wait")
                    response = client.getresponse()
                    self.assertEqual(response.readline(), b"first\n")
                    Path(gate).write_text("go")
                    self.assertEqual(response.read(), b"second\n")
                self.assertEqual(served.stop(), 0)

    @each_way
    def test_a_client_that_does_not_read_gets_no_pieces(self, threads):
        source = """
made = 0
@path
def large(environ, start_response):
    def pieces():
        global made
        while True:
            made += 1
            yield b"x" * 65536
    start(start_response)
    return Pieces(pieces())
@path
def count(environ, start_response):
    start(start_response)
    return [str(made).encode()]
"""
        with program(source, threads) as served:
            served.wait_ready()
            with contextlib.closing(served.connect()) as client:
                client.request("GET", "/large")
                client.getresponse()
                counts = [int(served.get("/count")[2]) for _ in range(300)]
                # What the kernel's buffers take is a few MiB; of 300 turns of the loop each could have made one.
                self.assertLess(counts[-1], 250)
            served.out.wait_for("closed")
            self.assertEqual(served.stop(), 0)

    def test_others_are_served_between_pieces(self):
        source = """
@path
def endless(environ, start_response):
    start(start_response)
    return Pieces(iter(lambda: b"x", b""))
@path
def other(environ, start_response):
    start(start_response)
    return [b"other"]
"""
        with program(source) as served:
            served.wait_ready()
            with contextlib.closing(served.connect()) as client:
                client.request("GET", "/endless")
                client.getresponse().read(1)
                self.assertEqual(served.get("/other")[2], b"other")
            served.out.wait_for("closed")
            self.assertEqual(served.stop(), 0)


class FailureTest(unittest.TestCase):
    @each_way
    def test_what_fails_before_the_head_is_a_500(self, threads):
        source = """
@path
def early(environ, start_response):
    raise RuntimeError("early")
@path
def started(environ, start_response):
    start(start_response, ("X-Own", "1"))
    raise SystemExit("started")
@path
def iterated(environ, start_response):
    start(start_response)
    return Pieces(iter(lambda: 1 // 0, 1))
@path
def silent(environ, start_response):
    return [b"x"]
@path
def twice(environ, start_response):
    start(start_response)
    start(start_response)
@path
def status(environ, start_response):
    start(start_response, status="99 Red")
@path
def split(environ, start_response):
    start(start_response, ("X-Own", "a\\r\\nb: c"))
@path
def text(environ, start_response):
    start(start_response)
    return Pieces(["text"])
@path
def length(environ, start_response):
    start(start_response, ("Content-Length", "5"))
    return [b"four"]
@path
def fine(environ, start_response):
    start(start_response)
    return [b"fine"]
"""
        reasons = {
            "early": "RuntimeError: early",
            "started": "SystemExit: started",
            "iterated": "ZeroDivisionError",
            "silent": "has not called start_response",
            "twice": "start_response was called before",
            "status": "'99 Red' is no status",
            "split": "X-Own",
            "text": "returns bytes, not str",
            "length": "Content-Length of 5, and a body of 4 bytes",
        }
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for name, reason in reasons.items():
                status, headers, _ = served.get(f"/{name}")
                self.assertEqual((status, headers["X-Own"]), (500, None), name)
                served.log.wait_for(f"GET /{name}: the application failed")
                served.log.wait_for(reason)
            self.assertEqual(served.get("/fine")[2], b"fine")
            self.assertEqual(served.stop(), 0)
            self.assertEqual(served.out.seen.count("closed"), 2)

    @each_way
    def test_what_is_no_field_is_refused_at_once(self, threads):
        source = """
FIELDS = {"name": ("a b", "c"), "empty": ("", "c"), "control": ("X-Own", "\x7f"), "lines": ("X-Own", "a\\nb: c"),
          "wide": ("X-Own", "\u20ac"), "number": ("X-Own", 7), "length": ("Content-Length", "-1"),
          "large": ("Content-Length", str(2**64 + 4))}
def dispatch(environ, start_response):
    try:
        start(start_response, ("X-Own", "1"), FIELDS[environ["PATH_INFO"][1:]])
    except (TypeError, ValueError, forker.Error) as error:
        start(start_response)
        return [b"refused"]
    return [b"taken"]
"""
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for name in ("name", "empty", "control", "lines", "wide", "number", "length", "large"):
                status, headers, body = served.get(f"/{name}")
                self.assertEqual((status, headers["X-Own"], body), (200, None, b"refused"), name)
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_what_fails_later_cuts_the_response(self, threads):
        source = """
@path
def middle(environ, start_response):
    start(start_response)
    yield b"begun"
    raise RuntimeError("middle")
@path
def short(environ, start_response):
    start(start_response, ("Content-Length", "100"))
    yield b"too "
    yield b"short"
@path
def long(environ, start_response):
    start(start_response, ("Content-Length", "10"))
    yield b"much "
    yield b"too long"
"""
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for name in ("middle", "short", "long"):
                received = served.raw(f"GET /{name} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                self.assertRegex(received, b"^HTTP/1.1 200 OK", name)
                self.assertNotIn(b"0\r\n\r\n", received)
                self.assertNotIn(b"too long", received)
            served.log.wait_for("middle")
            served.log.wait_for("GET /long: the application failed")
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_an_error_page_replaces_the_head(self, threads):
        source = """
@path
def replaced(environ, start_response):
    start(start_response, ("X-Own", "1"), ("Content-Length", "1"))
    start_anew(start_response, status="503 Sorry")
    return [b"an error page"]
@path
def late(environ, start_response):
    write = start(start_response)
    write(b"begun")
    start_anew(start_response, status="503 Sorry", reason="too late")
    return [b"an error page"]
"""
        with program(source, threads) as served:
            served.wait_ready()
            status, headers, body = served.get("/replaced")
            self.assertEqual((status, headers["X-Own"], body), (503, None, b"an error page"))
            self.assertNotIn(b"error page", served.raw(b"GET /late HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"))
            served.log.wait_for("too late")
            self.assertEqual(served.stop(), 0)

    @each_way
    def test_what_an_application_keeps_does_no_harm(self, threads):
        source = """
kept, views = [], []
def keep(start_response):
    write = start(start_response)
    kept.append(lambda: write(b"a piece"))
    kept.append(lambda: start(start_response))
    kept.append(lambda: start(start_response, exc_info=(ValueError, ValueError("late"), None)))
@path
def whole(environ, start_response):
    views.append(environ["wsgi.input"].getbuffer())  # until this is released, the input cannot be closed
    keep(start_response)
    return [b"fine"]
@path
def pieces(environ, start_response):
    keep(start_response)
    return iter([b"fi", b"ne"])
@path
def one(environ, start_response):
    keep(lambda status, headers, exc_info: start_response(status, [*headers, ("Content-Length", "4")], exc_info))
    return iter([b"fine"])
@path
def late(environ, start_response):
    for function in kept:
        try:
            told("called", function())
        except AssertionError as error:
            told(error)
    kept.clear()
    start(start_response)
    return [b"late"]
"""
        with program(source, threads, checked=False) as served:
            served.wait_ready()
            for target in ("/whole", "/pieces", "/one"):
                self.assertEqual(served.request("POST", target, b"a body")[::2], (200, b"fine"))
                self.assertEqual(served.get("/late")[2], b"late")
            self.assertEqual(served.stop(), 0)
            self.assertEqual(served.out.seen[1:], ["the response is complete"] * 9)
            self.assertNotIn("Traceback", "\n".join(served.log.seen))

    def test_errors_go_to_the_log(self):
        source = """
@path
def complain(environ, start_response):
    print("one\\ntwo", end="", file=environ["wsgi.errors"])
    environ["wsgi.errors"].flush()
    start(start_response)
    return [b""]
"""
        with program(source) as served:
            served.wait_ready()
            served.get("/complain")
            self.assertRegex(served.log.wait_for("one"), r"error worker 0\[\d+\]: one$")
            self.assertRegex(served.log.wait_for("two"), ": two$")
            self.assertEqual(served.stop(), 0)

    def test_a_client_that_leaves_closes(self):
        source = """
@path
def endless(environ, start_response):
    start(start_response)
    return Pieces(iter(lambda: b"x" * 1000, b""))
"""
        for threads in (1, 3):
            with self.subTest(threads=threads), program(source, threads) as served:
                served.wait_ready()
                client = served.connect()
                client.request("GET", "/endless")
                client.getresponse().read(1)
                client.sock.close()
                client.close()
                served.out.wait_for("closed")
                self.assertEqual(served.stop(), 0)
                self.assertNotIn("Traceback", "\n".join(served.log.seen))


class ThreadTest(unittest.TestCase):
    def test_as_many_as_asked_for_run_at_once(self):
        source = """
together = threading.Barrier(3)
@path
def meet(environ, start_response):
    together.wait(30)
    start(start_response)
    return [b"met"]
"""
        with program(source, 3) as served, contextlib.ExitStack() as stack:
            served.wait_ready()
            clients = [stack.enter_context(contextlib.closing(served.connect())) for _ in range(3)]
            for client in clients:
                client.request("GET", "/meet")
            self.assertEqual([client.getresponse().read() for client in clients], [b"met"] * 3)
            self.assertEqual(served.stop(), 0)

    def test_too_many_are_refused(self):
        source = """
gate = threading.Event()
@path
def hold(environ, start_response):
    told("holding")
    gate.wait(30)
    start(start_response)
    return [b"held"]
@path
def other(environ, start_response):
    start(start_response)
    return [b"other"]
server = make_server(handler_queue=0)
forker.wsgi.mount(server, dispatch, threads=2)
@server.get("/release")
def release(request):
    gate.set()
    return ""
server.run()
"""
        with program(source) as served, contextlib.ExitStack() as stack:
            served.wait_ready()
            clients = [stack.enter_context(contextlib.closing(served.connect())) for _ in range(2)]
            for client in clients:
                client.request("GET", "/hold")
                served.out.wait_for("holding")
            self.assertEqual(served.get("/other")[0], 503)
            served.get("/release")
            self.assertEqual([client.getresponse().read() for client in clients], [b"held"] * 2)
            served.send_signal()
            served.wait_ready()
            self.assertEqual(served.stop(), 0)

    def test_what_a_thread_keeps_is_there_again(self):
        source = """
kept = threading.local()
@path
def count(environ, start_response):
    kept.count = getattr(kept, "count", 0) + 1
    start(start_response)
    return [str(kept.count).encode()]
dispatch = count
"""
        with program(source, 2) as served:
            served.wait_ready()
            counts = [int(served.get("/")[2]) for _ in range(10)]
            self.assertGreater(max(counts), 4)
            self.assertEqual(served.stop(), 0)


if __name__ == "__main__":
    unittest.main()
