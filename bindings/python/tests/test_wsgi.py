"""WSGI applications: what they see of a request."""

import base64
import json
import tempfile
import unittest

import forker
import forker.wsgi
from wsgi_program import each_way, program

ENVIRON = """
import json
@path
def show(environ, start_response):
    start(start_response)
    return [json.dumps({k: v for k, v in environ.items() if isinstance(v, (str, bool))}).encode()]
dispatch = show
"""


class EnvironTest(unittest.TestCase):
    @each_way
    def test_names_are_those_of_cgi(self, threads):
        with program(ENVIRON, threads) as served:
            served.wait_ready()
            seen = json.loads(served.get("/a%20b/../%C3%A9?x=1&y=%20")[2])
            port = served.address.rsplit(":", 1)[1]
            self.assertEqual(
                {name: seen.get(name) for name in EXPECTED},
                {**EXPECTED, "SERVER_PORT": port, "wsgi.multithread": threads > 1},
            )
            self.assertNotIn("CONTENT_LENGTH", seen)
            self.assertNotIn("HTTPS", seen)
            self.assertEqual(served.stop(), 0)

    def test_fields(self):
        with program(ENVIRON) as served:
            served.wait_ready()
            request = (
                b"POST / HTTP/1.0\r\nHost: h\r\nContent-Type: text/x\r\nContent-Length: 2\r\nX-One: a\r\nx-one: b\r\n"
                b"Cookie: a=1\r\nCookie: b=2\r\nX_Forwarded_For: evil\r\nX-Forwarded-For: \xe9\r\n\r\nhi"
            )
            seen = json.loads(served.raw(request).partition(b"\r\n\r\n")[2])
            self.assertEqual(seen["CONTENT_TYPE"], "text/x")
            self.assertEqual(seen["CONTENT_LENGTH"], "2")
            self.assertEqual(seen["HTTP_X_ONE"], "a,b")
            self.assertEqual(seen["HTTP_COOKIE"], "a=1; b=2")
            self.assertEqual(seen["HTTP_X_FORWARDED_FOR"], "\xe9")
            self.assertEqual(seen["SERVER_PROTOCOL"], "HTTP/1.0")
            self.assertNotIn("HTTP_CONTENT_TYPE", seen)
            self.assertEqual(served.stop(), 0)

    def test_a_body_in_chunks_has_a_length(self):
        with program(ENVIRON) as served:
            served.wait_ready()
            seen = json.loads(served.request("POST", "/", body=iter([b"one", b"two"]))[2])
            self.assertEqual(seen["CONTENT_LENGTH"], "6")
            self.assertNotIn("HTTP_TRANSFER_ENCODING", seen)
            self.assertEqual(served.stop(), 0)

    def test_a_proxy_tells_the_scheme(self):
        told = {"X-Forwarded-Proto": "https"}
        with program(ENVIRON) as served:
            served.wait_ready()
            seen = json.loads(served.get("/", told)[2])
            self.assertEqual((seen["wsgi.url_scheme"], seen["HTTPS"]), ("https", "on"))
            self.assertEqual(served.stop(), 0)
        others = 'forker.wsgi.mount.__kwdefaults__["forwarded_allow_ips"] = ["192.0.2.1"]\n'
        with program(ENVIRON + others) as served:
            served.wait_ready()
            self.assertEqual(json.loads(served.get("/", told)[2])["wsgi.url_scheme"], "http")
            self.assertEqual(served.stop(), 0)

    def test_a_trusted_proxy_tells_the_client(self):
        with program(ENVIRON, trusted_proxies="127.0.0.1", forwarded="x-forwarded-for") as served:
            served.wait_ready()
            seen = json.loads(served.get("/", {"X-Forwarded-For": "192.0.2.7"})[2])
            self.assertEqual((seen["REMOTE_ADDR"], seen["REMOTE_PORT"]), ("192.0.2.7", ""))
            seen = json.loads(served.get("/")[2])
            self.assertEqual(seen["REMOTE_ADDR"], "127.0.0.1")
            self.assertTrue(seen["REMOTE_PORT"].isdecimal())
            self.assertEqual(served.stop(), 0)

    def test_a_user_is_known_by_name(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as users:
            users.write("jo\u00e9:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n")
            users.flush()
            with program(ENVIRON, basic_auth=users.name) as served:
                served.wait_ready()
                self.assertEqual(served.get("/")[0], 401)
                shown = base64.b64encode("jo\u00e9:secret".encode()).decode()
                seen = json.loads(served.get("/", {"Authorization": f"Basic {shown}"})[2])
                self.assertEqual(seen["REMOTE_USER"].encode("latin-1").decode(), "jo\u00e9")
                self.assertEqual(served.stop(), 0)
        with program(ENVIRON) as served:
            served.wait_ready()
            self.assertNotIn("REMOTE_USER", json.loads(served.get("/")[2]))
            self.assertEqual(served.stop(), 0)

    def test_several_applications_below_paths(self):
        source = (
            ENVIRON
            + """
server = make_server()
forker.wsgi.mount(server, validator(show), "/app")
@server.get("/app/own")
def own(request):
    return "own"
server.run()
"""
        )
        with program(source) as served:
            served.wait_ready()
            for target, rest in (("/app", ""), ("/app/", "/"), ("/app/x/y", "/x/y")):
                seen = json.loads(served.get(target)[2])
                self.assertEqual((seen["SCRIPT_NAME"], seen["PATH_INFO"]), ("/app", rest))
            self.assertEqual(served.get("/app/own")[2], b"own")
            self.assertEqual(served.get("/other")[0], 404)
            served.send_signal()
            # The prologue's serve() comes next, whose server is stopped, too.
            served.wait_ready()
            self.assertEqual(served.stop(), 0)


EXPECTED = {
    "GATEWAY_INTERFACE": "CGI/1.1",
    "PATH_INFO": "/Ã©",
    "QUERY_STRING": "x=1&y=%20",
    "RAW_URI": "/a%20b/../%C3%A9?x=1&y=%20",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "REQUEST_URI": "/a%20b/../%C3%A9?x=1&y=%20",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": f"libforker/{forker.version()}",
    "wsgi.input_terminated": True,
    "wsgi.multiprocess": True,
    "wsgi.multithread": False,
    "wsgi.run_once": False,
    "wsgi.url_scheme": "http",
}


class InputTest(unittest.TestCase):
    @each_way
    def test_bodies_in_memory_and_in_files(self, threads):
        source = """
@path
def read(environ, start_response):
    start(start_response)
    body = environ["wsgi.input"]
    first, line, rest = body.read(3), body.readline(), body.read(1 << 30)
    return [repr((first, line, len(rest), set(rest), body.read(1))).encode()]
"""
        with program(source, threads, body_buffer="8k") as served:
            served.wait_ready()
            for size in (10, 8000, 300_000):
                content = b"abcdef\n" + b"z" * size
                expected = repr((b"abc", b"def\n", size, {ord("z")}, b"")).encode()
                self.assertEqual(served.request("POST", "/read", content)[2], expected)
                self.assertEqual(served.request("POST", "/read", iter([content[:5], content[5:]]))[2], expected)
            self.assertEqual(served.stop(), 0)

    def test_an_input_outlives_its_request(self):
        source = """
kept = []
@path
def keep(environ, start_response):
    kept.append(environ["wsgi.input"])
    start(start_response)
    return [b""]
@path
def read(environ, start_response):
    start(start_response)
    try:
        return [b"%d" % len(kept.pop().read())]
    except ValueError as exc:
        return [str(exc).encode()]
"""
        with program(source, checked=False, body_buffer="8k") as served:
            served.wait_ready()
            for size in (100, 100_000):
                served.request("POST", "/keep", b"x" * size)
                served.request("POST", "/keep", b"y" * size)
                self.assertIn(b"closed file", served.get("/read")[2])
            self.assertEqual(served.stop(), 0)


class MountTest(unittest.TestCase):
    def test_wrong_arguments(self):
        with forker.Server() as server:
            for threads in (0, -1):
                with self.assertRaises(ValueError):
                    forker.wsgi.mount(server, None, threads=threads)
            for path in ("app", "/app/", "/", "/:name", "/*rest"):
                with self.assertRaises(ValueError, msg=path):
                    forker.wsgi.mount(server, None, path)


if __name__ == "__main__":
    unittest.main()
