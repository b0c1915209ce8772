"""forker.testing: a server in the process that tests, its client, the fixture of pytest."""

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import forker
from forker.testing import serve
from program import TIMEOUT, in_own_process


def application(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    seen = {
        "method": environ["REQUEST_METHOD"],
        "query": environ["QUERY_STRING"],
        "type": environ.get("CONTENT_TYPE"),
        "body": environ["wsgi.input"].read(length).decode(),
        "cookie": environ.get("HTTP_COOKIE"),
    }
    headers = [("Content-Type", "application/json")]
    if environ["PATH_INFO"] == "/set":
        headers += [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; HttpOnly")]
    if environ["PATH_INFO"] == "/drop":
        headers.append(("Set-Cookie", "a=; Max-Age=0"))
    start_response("200 OK", headers)
    return [json.dumps(seen).encode()]


@in_own_process
class ServeTest(unittest.TestCase):
    def test_requests(self):
        with serve(application) as client:
            response = client.get("/x", query={"a b": "ä"})
            self.assertEqual((response.status, response.json()["query"]), (200, "a+b=%C3%A4"))
            self.assertEqual(client.head("/x").body, b"")
            seen = client.post("/x", form={"a": "1 2"}).json()
            self.assertEqual((seen["body"], seen["type"]), ("a=1+2", "application/x-www-form-urlencoded"))
            seen = client.put("/x", json={"a": [1]}).json()
            self.assertEqual((json.loads(seen["body"]), seen["type"]), ({"a": [1]}, "application/json"))
            for method in ("patch", "delete"):
                self.assertEqual(getattr(client, method)("/x").json()["method"], method.upper())
            self.assertIn('"GET"', client.get("/x").text)

    def test_cookies_are_kept(self):
        with serve(application) as client:
            client.get("/set")
            self.assertEqual(client.get("/").json()["cookie"], "a=1; b=2")
            client.get("/drop")
            self.assertEqual(client.get("/").json()["cookie"], "b=2")

    def test_an_asgi_application(self):
        told = []

        async def asynchronous(scope, receive, send):
            if scope["type"] == "lifespan":
                for what in ("startup", "shutdown"):
                    await receive()
                    told.append(what)
                    await send({"type": f"lifespan.{what}.complete"})
                return
            body = (await receive())["body"]
            await send({"type": "http.response.start", "status": 201})
            await send({"type": "http.response.body", "body": body.upper()})

        with serve(asynchronous) as client:
            response = client.post("/x", b"body")
            self.assertEqual((response.status, response.body), (201, b"BODY"))
        self.assertEqual(told, ["startup", "shutdown"])

    def test_an_application_can_ask_itself(self):
        def asks(environ, start_response):
            start_response("200 OK", [])
            if environ["PATH_INFO"] == "/inner":
                return [b"inner"]
            inner = http.client.HTTPConnection(environ["HTTP_HOST"], timeout=TIMEOUT)
            inner.request("GET", "/inner")
            body = inner.getresponse().read()
            inner.close()
            return [b"outer and ", body]

        with serve(asks) as client:
            self.assertEqual(client.get("/").body, b"outer and inner")

    def test_what_an_application_changes_is_seen(self):
        threads = []

        def remembers(environ, start_response):
            threads.append(threading.get_ident())
            start_response("204 No Content", [])
            return []

        with serve(remembers, threads=1) as client:
            self.assertEqual(client.get("/").status, 204)
        self.assertEqual(len(threads), 1)

    def test_a_server_of_the_program(self):
        server = forker.Server(workers=0, log_level="error")
        server.get("/")(lambda request: "own")
        with serve(server) as client:
            self.assertEqual(client.get("/").text, "own")
        with self.assertRaises(TypeError), serve(server, log_level="info"):
            pass

    def test_several_at_a_time(self):
        with serve(application) as one, serve(application) as other:
            self.assertNotEqual(one.address, other.address)
            self.assertEqual(one.get("/").status, other.get("/").status)

    def test_an_exception_leaves_nothing_behind(self):
        with self.assertRaises(ZeroDivisionError), serve(application) as client:
            1 // 0
        with self.assertRaises(OSError):
            client.get("/")


class PytestTest(unittest.TestCase):
    def test_the_fixture(self):
        try:
            import pytest  # noqa: F401
        except ImportError:
            self.skipTest("pytest is not installed for this Python")
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "test_own.py").write_text("""
def application(environ, start_response):
    start_response("200 OK", [])
    return [b"own"]
def test_one(forker_server):
    assert forker_server(application).get("/").body == b"own"
def test_two(forker_server):
    one, two = forker_server(application), forker_server(application)
    assert one.get("/").status == two.get("/").status == 200
""")
            done = subprocess.run(
                [sys.executable, "-m", "pytest", "-q", "-p", "forker.testing.pytest_plugin", "-p", "no:cacheprovider"],
                cwd=directory,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
            self.assertIn("2 passed", done.stdout, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
