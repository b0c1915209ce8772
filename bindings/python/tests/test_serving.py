"""Requests and responses, by a real client against a server of its own process."""

import json
import re
import unittest

import forker
from program import Program

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) \w+[^:]*\[\d+\]: ")


class AccessLogTest(unittest.TestCase):
    def test_lines_go_to_the_function(self):
        source = """
server = make_server(access_log="json")
server.set_access_log(lambda line: print("access", line))
@server.get("/")
def greet(request):
    return "hello"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.request("GET", "/")[0], 200)
            entry = json.loads(program.out.wait_for("access ").removeprefix("access "))
            self.assertEqual((entry["method"], entry["target"], entry["status"], entry["bytes"]), ("GET", "/", 200, 5))
            program.stop()


class SetupTest(unittest.TestCase):
    def test_a_caught_exception_is_enough(self):
        source = """
server = make_server()
for attempt in (
    lambda: server.listen(server.address(0)), lambda: server.listen("nonsense"), lambda: server.load("/nonsense"),
    lambda: server.set_option("nonsense", 1), lambda: server.route("nonsense", "nonsense")(print),
):
    try:
        attempt()
    except forker.Error as error:
        told("failed", error.code)
@server.get("/")
def greet(request):
    return "hello"
server.run()
"""
        with Program(source) as program:
            program.out.wait_for(f"failed {forker.E_ROUTE}")
            program.wait_ready()
            self.assertEqual(program.request("GET", "/")[0], 200)
            program.stop()


class ErrorTest(unittest.TestCase):
    def test_sentence_says_what_was_wrong(self):
        source = """
server = make_server()
@server.get("/reserved")
def reserved(request):
    return 200, "x", {"Content-Length": "1"}
@server.get("/file")
def part(request):
    return forker.Response.file("/dev/null")
@server.get("/interim")
def interim(request):
    try:
        request.interim(200, "Link", "x")
    except forker.Error as error:
        return str(error)
@server.get("/pause")
def pause(request):
    request.pause()
@server.get("/length")
def length(request):
    return forker.Response(200, "12345", length=6)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/interim")[2], b"respond_interim: status 200 is not within 102 to 199")
            self.assertEqual(program.get("/file")[0], 404)
            for path, sentence in (
                ("/reserved", "header_add Content-Length: belongs to the library"),
                ("/pause", "pause: no more of the body comes"),
                ("/length", "respond: the body has 5 bytes, but its length was set to 6"),
            ):
                self.assertEqual(program.get(path)[0], 500)
                program.log.wait_for(f"forker.error.Error: {sentence}")
            self.assertEqual(program.stop(), 0)


class LengthTest(unittest.TestCase):
    def test_length_of_a_body_that_is_not_made(self):
        source = """
server = make_server()
@server.get("/")
def head(request):
    if request.method == "HEAD":
        return forker.Response(length=5)
    return forker.Response(304, None, {"ETag": "x"}, length=5) if "If-None-Match" in request.headers else b"12345"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            status, headers, body = program.request("HEAD", "/")
            self.assertEqual((status, headers["Content-Length"], body), (200, "5", b""))
            self.assertEqual(program.get("/")[2], b"12345")
            connection = program.connect()
            connection.request("GET", "/", headers={"If-None-Match": "x"})
            response = connection.getresponse()
            self.assertEqual((response.status, response.headers["Content-Length"]), (304, "5"))
            response.read()
            connection.close()
            self.assertEqual(program.stop(), 0)


class RequestTest(unittest.TestCase):
    def test_request_is_what_the_client_sent(self):
        source = """
server = make_server()
@server.route("*", "/users/:id/*rest")
def show(request):
    return {
        "method": request.method, "target": request.target, "path": request.path, "query": request.query,
        "a": request.query_param("a"), "none": request.query_param("none"), "else": request.query_param("none", "x"),
        "params": dict(request.params), "headers": request.headers.fields, "twice": request.headers.get_all("X-TWICE"),
        "host": request.headers["host"], "meant": request.host, "body": request.text, "peer": request.peer, "version": request.version,
        "worker": request.worker, "repr": repr(request), "json": request.json(),
    }
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            target = "/users/7%20b/x/y?a=1%262+3&b"
            connection = program.connect()
            connection.putrequest("PUT", target)
            body = '"gr\u00fc\u00dfe"'.encode()
            for name, value in (("X-Twice", "1"), ("x-twice", "2"), ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(response.headers["Content-Type"], "application/json")
            shown = json.loads(response.read())
            self.assertRegex(shown.pop("peer"), r"^127\.0\.0\.1:\d+$")
            self.assertEqual(shown.pop("headers")[0], ["Host", program.address])
            connection.close()
            expected = {
                "method": "PUT", "target": target, "path": "/users/7 b/x/y", "query": "a=1%262+3&b",
                "a": "1&2 3", "none": None, "else": "x", "params": {"id": "7 b", "rest": "x/y"},
                "twice": ["1", "2"], "host": program.address, "meant": program.address, "body": '"gr\u00fc\u00dfe"', "version": 11,
                "worker": 0, "repr": f"<Request PUT {target}>", "json": "gr\u00fc\u00dfe",
            }  # fmt: skip
            self.assertEqual(shown, expected)
            self.assertEqual(program.stop(), 0)

    def test_trailers_are_apart_from_headers(self):
        source = """
server = make_server()
@server.post("/")
def show(request):
    return {"body": request.text, "trailers": request.trailers.fields, "sum": request.headers.get_all("X-Sum")}
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            connection = program.connect()
            connection.putrequest("POST", "/")
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            connection.send(b"5\r\nhello\r\n0\r\nX-Sum: 42\r\nHost: evil\r\n\r\n")
            shown = json.loads(connection.getresponse().read())
            connection.close()
            self.assertEqual(shown, {"body": "hello", "trailers": [["X-Sum", "42"]], "sum": []})
            self.assertEqual(program.stop(), 0)

    def test_body_keeps_every_byte(self):
        source = """
server = make_server()
@server.post("/")
def echo(request):
    assert request.body is request.body
    return request.body
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            body = bytes(range(256)) * 16
            self.assertEqual(program.request("POST", "/", body)[2], body)
            status, headers, empty = program.request("POST", "/")
            self.assertEqual((status, headers["Content-Length"], empty), (200, "0", b""))
            program.stop()

    def test_request_cannot_be_used_after_its_handler(self):
        source = """
server = make_server()
kept = []
@server.get("/keep")
def keep(request):
    kept.append((request, request.path, request.headers))
    return ""
@server.get("/use")
def use(request):
    old, path, headers = kept[0]
    said = []
    for name in ("method", "target", "host", "path", "query", "params", "headers", "trailers", "body", "text", "peer", "version", "worker"):
        try:
            said.append(getattr(old, name))
        except RuntimeError as exc:
            said.append(str(exc))
    for call in (old.json, lambda: old.query_param("a")):
        try:
            said.append(call())
        except RuntimeError as exc:
            said.append(str(exc))
    return {"said": sorted(set(said)), "path": path, "host": headers["Host"], "repr": repr(old)}
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            program.get("/keep")
            shown = json.loads(program.get("/use")[2])
            self.assertEqual(shown["said"], ["this request has ended: it can only be used until its handler returns"])
            self.assertEqual((shown["path"], shown["host"]), ("/keep", program.address))
            self.assertEqual(shown["repr"], "<Request, ended>")
            program.stop()


class ResponseTest(unittest.TestCase):
    def test_status_headers_and_content_type(self):
        source = """
server = make_server()
@server.get("/cookies")
def cookies(request):
    return 201, "made", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/x-made")]
@server.delete("/")
def nothing(request):
    return 204, None
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            status, headers, body = program.get("/cookies")
            self.assertEqual((status, body, headers["Content-Type"]), (201, b"made", "text/x-made"))
            self.assertEqual(headers.get_all("Set-Cookie"), ["a=1", "b=2"])
            status, headers, body = program.request("DELETE", "/")
            self.assertEqual((status, body, headers["Content-Type"]), (204, b"", None))
            program.stop()

    def test_next_asks_the_next_route(self):
        source = """
server = make_server()
@server.get("/:name")
def named(request):
    return forker.NEXT if request.params["name"] == "other" else "named"
@server.get("/*rest")
def rest(request):
    return "rest " + request.params["rest"]
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/some")[2], b"named")
            self.assertEqual(program.get("/other")[2], b"rest other")
            program.stop()


class FailureTest(unittest.TestCase):
    def test_exception_is_a_logged_500(self):
        source = """
server = make_server()
@server.get("/boom")
def boom(request):
    raise ValueError("the secret\\0 of\\nthe program \\ud800")
@server.get("/fine")
def fine(request):
    return "fine"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            status, _, body = program.get("/boom")
            self.assertEqual(status, 500)
            self.assertNotIn(b"secret", body)
            self.assertNotIn(b"Traceback", body)
            program.log.wait_for("GET /boom: the handler failed")
            program.log.wait_for("Traceback (most recent call last):")
            program.log.wait_for("ValueError: the secret? of")
            last = program.log.wait_for("the program")
            self.assertIn("\\ud800", last)
            self.assertEqual(program.get("/fine")[2], b"fine")
            program.stop()
            for line in program.log.seen:
                self.assertRegex(line, LOG_LINE)

    def test_system_exit_and_interrupt_end_no_worker(self):
        source = """
server = make_server()
@server.get("/exit")
def leave(request):
    sys.exit(3)
@server.get("/interrupt")
def interrupt(request):
    raise KeyboardInterrupt
@server.get("/pid")
def pid(request):
    return str(os.getpid())
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            before = program.get("/pid")[2]
            self.assertEqual(program.get("/exit")[0], 500)
            program.log.wait_for("SystemExit: 3")
            self.assertEqual(program.get("/interrupt")[0], 500)
            program.log.wait_for("KeyboardInterrupt")
            self.assertEqual(program.get("/pid")[2], before)
            program.stop()

    def test_responses_that_cannot_be_sent(self):
        source = """
server = make_server()
responses = {
    "none": None, "number": 5, "split": (200, "", {"A": "b\\r\\nSet-Cookie: c"}), "nul": (200, "", {"A": "b\\0c"}),
    "name": (200, "", {"A B": "c"}), "length": (200, "", {"Content-Length": "5"}), "status": (99, ""),
}
@server.get("/:kind")
def answer(request):
    return responses[request.params["kind"]]
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            for kind, said in (
                ("none", "TypeError: a handler returned None"),
                ("number", "TypeError: a handler cannot answer with int"),
                ("split", "Error: header_add A: the value has control characters"),
                ("nul", "ValueError: text with a NUL"),
                ("name", "Error: header_add A B: the name is not a token"),
                ("length", "Error: header_add Content-Length: belongs to the library"),
                ("status", "ValueError: status 99"),
            ):
                with self.subTest(kind=kind):
                    status, headers, body = program.get(f"/{kind}")
                    self.assertEqual((status, headers["A"], headers["Set-Cookie"]), (500, None, None))
                    program.log.wait_for(said)
            program.stop()

    def test_callbacks_outlive_garbage_collection(self):
        source = """
import gc
gc.set_threshold(1)
server = make_server()
def setup():
    for number in range(50):
        def handler(request, number=number):
            gc.collect()
            return str(number)
        server.get(f"/{number}")(handler)
    server.post_fork(lambda worker: None)
    server.set_log(lambda level, line: None)
    server.set_log(lambda level, line: os.write(2, f"{line}\\n".encode()) and None)
setup()
gc.collect()
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            for number in range(50):
                self.assertEqual(program.get(f"/{number}")[2], str(number).encode())
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
