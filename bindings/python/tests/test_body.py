"""Bodies that come piece by piece, connections that are taken over, and interim responses."""

import contextlib
import json
import unittest

from program import SERVE_WITH_THREAD, THREAD, Program, each_mode

# collect() takes a body and gives how much there was.
COLLECT = """
class Collector:
    def __init__(self, name):
        self.name, self.pieces = name, []
        weakref.finalize(self, told, "collected", name)
    def __call__(self, piece, last):
        if piece is None:
            told("aborted", self.name, last)
            return None
        self.pieces.append(piece)
        told("piece", len(piece), last)
        return {"body": b"".join(self.pieces).decode()} if last else None
"""


class Upload:
    """A request whose body is sent piece by piece."""

    def __init__(self, program, target, length=None):
        self.connection = program.connect()
        self.connection.putrequest("POST", target)
        if length is None:
            self.connection.putheader("Transfer-Encoding", "chunked")
        else:
            self.connection.putheader("Content-Length", str(length))
        self.connection.endheaders()

    def send(self, data):
        self.connection.send(data)

    def send_chunk(self, data, end=b"\r\n"):
        self.connection.send(b"%x\r\n%s%s" % (len(data), data, end))

    def answer(self):
        with contextlib.closing(self.connection):
            response = self.connection.getresponse()
            return response.status, response.read()


class PiecesTest(unittest.TestCase):
    @each_mode
    def test_pieces_come_as_they_are_sent(self, server):
        source = f"""{THREAD}{COLLECT}{server}
@server.post("/:name", body="stream")
def take(request):
    collector = Collector(request.params["name"])
    @request.on_body
    def piece(data, last):
        before = request.trailers.get("X-Sum"), request.body
        response = collector(data, last)
        return response if response is None else {{**response, "sum": request.trailers["X-Sum"], "before": before[0]}}
    told("head", request.trailers.fields)
@server.get("/collect")
def collect(request):
    gc.collect()
    return ""
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            upload = Upload(program, "/me")
            program.out.wait_for("head ()")
            upload.send_chunk(b"one")
            program.out.wait_for("piece 3 False")
            upload.send_chunk(b"four")
            program.out.wait_for("piece 4 False")
            upload.send(b"0\r\nX-Sum: 7\r\n\r\n")
            program.out.wait_for("piece 0 True")
            status, body = upload.answer()
            self.assertEqual((status, json.loads(body)), (200, {"body": "onefour", "sum": "7", "before": "7"}))
            program.get("/collect")
            program.out.wait_for("collected me")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_body_that_is_collected_is_one_piece(self, server):
        source = f"""{THREAD}{COLLECT}{server}
@server.post("/inline")
def take(request):
    request.on_body(Collector("inline"))
@server.post("/pool", dispatch="pool")
def take_pooled(request):
    request.on_body(Collector("pool"))
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for target in ("/inline", "/pool"):
                self.assertEqual(program.request("POST", target, b"whole")[2], b'{"body":"whole"}')
                program.out.wait_for("piece 5 True")
            self.assertEqual(program.stop(), 0)
            self.assertEqual([line for line in program.out.seen if "aborted" in line], [])

    @each_mode
    def test_pause_makes_the_client_wait(self, server):
        source = f"""{THREAD}{server}
TOTAL = 20 << 20
@server.post("/", body="stream", max_body="1g")
def take(request):
    deferred = request.defer()
    got = []
    def work(piece, last):  # on the thread
        got.append(len(piece))
        if last:
            told("responded", deferred.respond({{"bytes": sum(got), "most": max(got) <= 65536}}))
        else:
            deferred.resume()
    @request.on_body
    def piece(data, last):
        if data is None:
            return told("aborted")
        if not last:
            request.pause()
        jobs.put(lambda: work(data, last))
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            status, _, body = program.request("POST", "/", bytes(20 << 20))
            self.assertEqual((status, json.loads(body)), (200, {"bytes": 20 << 20, "most": True}))
            self.assertEqual(program.stop(), 0)
            self.assertNotIn("aborted", program.out.seen)

    @each_mode
    def test_response_may_come_before_the_end(self, server):
        source = f"""{THREAD}{COLLECT}{server}
@server.post("/handler", body="stream")
def at_once(request):
    request.on_body(Collector("handler"))
    return 413, "too much"
@server.post("/piece", body="stream")
def at_a_piece(request):
    collector = Collector("piece")
    @request.on_body
    def piece(data, last):
        collector(data, last)
        return (413, "too much") if data is not None else None
@server.post("/deferred", body="stream")
def by_the_deferred(request):
    collector, deferred = Collector("deferred"), request.defer()
    @request.on_body
    def piece(data, last):
        collector(data, last)
        if data is not None:
            deferred.respond((413, "too much"))
            request.pause()  # nothing to pause any more
            told("resumed", deferred.resume())
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for name in ("handler", "piece", "deferred"):
                upload = Upload(program, f"/{name}", 1000)
                upload.send(b"some")
                self.assertEqual(upload.answer(), (413, b"too much"))
                program.out.wait_for(f"aborted {name} True")
            self.assertEqual(program.stop(), 0)
            self.assertEqual("".join(program.out.seen).count("aborted"), 3)
            self.assertIn("resumed False", program.out.seen)

    @each_mode
    def test_function_can_defer_the_request(self, server):
        source = f"""{THREAD}{COLLECT}{server}
@server.post("/first", body="stream")
def at_the_first_piece(request):
    kept = []
    @request.on_body
    def piece(data, last):
        if not kept:
            kept.append(request.defer())
            request.pause()
            jobs.put(kept[0].resume)
            return kept[0]
        if last:
            jobs.put(lambda: kept[0].respond("later"))
@server.post("/last", body="stream")
def at_the_last_piece(request):
    @request.on_body
    def piece(data, last):
        if last:
            deferred = request.defer()
            jobs.put(lambda: deferred.respond("later"))
            return deferred
@server.post("/forgets", body="stream")
def forgets(request):
    @request.on_body
    def piece(data, last):
        if last:
            request.defer()
            return "not the Deferred"
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for name in ("first", "last"):
                upload = Upload(program, f"/{name}")
                upload.send_chunk(b"some")
                upload.send_chunk(b"more")
                upload.send(b"0\r\n\r\n")
                self.assertEqual(upload.answer(), (200, b"later"), name)
            self.assertEqual(program.request("POST", "/forgets", b"some")[0], 500)
            program.log.wait_for("on_body failed")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_client_that_leaves_is_told_of_once(self, server):
        source = f"""{THREAD}{COLLECT}{server}
@server.post("/plain", body="stream")
def plain(request):
    request.on_body(Collector("plain"))
@server.post("/deferred", body="stream")
def deferred(request):
    deferred = request.defer()
    collector, gone = Collector("deferred"), watch_client(deferred)
    request.on_body(collector)
    def give_up():
        gone.wait()
        told("too late", deferred.resume(), deferred.respond(""))
    jobs.put(give_up)
    return deferred
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for name in ("plain", "deferred"):
                upload = Upload(program, f"/{name}", 1000)
                upload.send(b"some")
                program.out.wait_for("piece 4 False")
                upload.connection.close()
                program.out.wait_for(f"aborted {name} True")
            program.out.wait_for("closed 1")
            program.out.wait_for("too late False False")
            self.assertEqual(program.stop(), 0)

    @each_mode
    def test_what_goes_wrong_is_a_logged_500(self, server):
        source = f"""{THREAD}{COLLECT}{server}
kept = []
def fail(request, collector):
    @request.on_body
    def piece(data, last):
        collector(data, last)
        if data is not None:
            raise ValueError("in on_body of " + collector.name)
@server.post("/plain", body="stream")
def plain(request):
    fail(request, Collector("plain"))
@server.post("/deferred", body="stream")
def deferred(request):
    kept.append(request.defer())
    fail(request, Collector("deferred"))
    return kept[-1]
@server.post("/handler", body="stream")
def handler(request):
    request.on_body(Collector("handler"))
    raise ValueError("in the handler")
@server.post("/nothing")
def nothing(request):
    request.on_body(lambda piece, last: None)
@server.post("/responses")
def responses(request):
    kept.append(request.defer())
    request.on_body(lambda piece, last: "a response")
    return kept[-1]
@server.post("/twice")
def twice(request):
    request.on_body(Collector("twice"))
    try:
        request.on_body(Collector("again"))
    except forker.Error as error:
        told("twice", error.code == forker.E_STATE)
    try:
        request.pause()
    except forker.Error as error:
        told("pause", error.code == forker.E_STATE)
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for name, line in (
                ("plain", "ValueError: in on_body of plain"),
                ("deferred", "ValueError: in on_body of deferred"),
                ("handler", "ValueError: in the handler"),
            ):
                upload = Upload(program, f"/{name}", 1000)
                upload.send(b"some")
                self.assertEqual(upload.answer()[0], 500, name)
                program.log.wait_for(line)
                program.out.wait_for(f"aborted {name} True")
            for name, line in (
                ("nothing", "TypeError: a handler returned None"),
                ("responses", "TypeError: on_body returns None if the request is deferred, not 'a response'"),
            ):
                self.assertEqual(program.request("POST", f"/{name}", b"some")[0], 500, name)
                program.log.wait_for(line)
            self.assertEqual(program.request("POST", "/twice", b"some")[0], 200)
            self.assertEqual(program.stop(), 0)
            self.assertIn("twice True", program.out.seen)
            self.assertIn("pause True", program.out.seen)


class WireTest(unittest.TestCase):
    @each_mode
    def test_connection_is_the_program_s(self, server):
        source = f"""{THREAD}{server}
kept = []
@server.get("/hijack")
def hijack(request):
    connection, behind = request.hijack()
    kept.append(connection)
    told("timeout", connection.gettimeout())
    jobs.put(lambda: (connection.send(b"mine " + behind), connection.close()))
@server.get("/raise")
def fail(request):
    kept.append(request.hijack()[0])
    raise ValueError("after hijack")
@server.get("/deferred")
def refused(request):
    deferred = request.defer()
    try:
        request.hijack()
    except forker.Error as error:
        deferred.respond(str(error.code == forker.E_STATE))
    return deferred
@server.get("/pool", dispatch="pool")
def on_pool(request):
    try:
        request.hijack()
    except forker.Error as error:
        return str(error.code == forker.E_STATE)
@server.get("/close")
def close(request):
    kept.pop().close()
    return ""
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            for target, said in (("/hijack", b"mine behind"), ("/raise", b"")):
                with program.connect_socket() as client:
                    client.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\nbehind" % target.encode())
                    if target == "/raise":
                        program.log.wait_for("ValueError: after hijack")
                        program.get("/close")
                    with client.makefile("rb") as stream:
                        with contextlib.suppress(ConnectionResetError):  # "behind" was not read by the program
                            self.assertEqual(stream.read(), said)
            self.assertEqual(program.get("/deferred")[2], b"True")
            self.assertEqual(program.get("/pool")[2], b"True")
            self.assertEqual(program.stop(), 0)
            self.assertIn("timeout 0.0", program.out.seen)

    @each_mode
    def test_interim_responses(self, server):
        source = f"""{THREAD}{server}
@server.get("/")
def hint(request):
    sent = request.interim(103, "Link", "</a.css>; rel=preload")
    for status, value in ((200, "x"), (2**32 + 103, "x"), (103, "a\\r\\nb")):
        try:
            request.interim(status, "Link", value)
        except forker.Error as error:
            told("refused", error.code == forker.E_INVALID)
    return str(sent)
{SERVE_WITH_THREAD}"""
        with Program(source) as program:
            program.wait_ready()
            received = program.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            self.assertTrue(received.startswith(b"HTTP/1.1 103 "), received)
            self.assertIn(b"Link: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n", received)
            self.assertTrue(received.endswith(b"True"), received)
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen.count("refused True"), 3)


if __name__ == "__main__":
    unittest.main()
