"""forker._accel and ctypes: clients get the same bytes, whichever of the two there is."""

import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import asgi_program
import wsgi_program
from program import TIMEOUT, Program

try:
    if "t" in sys.abiflags:  # a free-threaded Python would load it, and crash
        raise ImportError("forker._accel")
    import forker._accel  # noqa: F401
except ImportError:
    HAS_ACCEL = False
else:
    HAS_ACCEL = True

REQUESTS = (
    b"GET /show HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    b"GET /show HTTP/1.0\r\n\r\n",
    b"GET /show?a=%20&b HTTP/1.0\r\nHost: h\r\n\r\n",
    b"GET /show? HTTP/1.0\r\n\r\n",
    b"GET /x/../show/ HTTP/1.0\r\n\r\n",
    b"GET /%C3%A9%20%ff%2f HTTP/1.0\r\n\r\n",
    b"GET http://other/a%2Fb?c HTTP/1.0\r\n\r\n",
    b"GET http://other HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"HEAD /show HTTP/1.0\r\n\r\n",
    b"POST /show HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi",
    b"POST /show HTTP/1.0\r\nContent-Length: 0\r\nContent-Type: a/b\r\n\r\n",
    b"POST /show HTTP/1.0\r\nContent-Length: 002\r\n\r\nhi",
    b"POST /show HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    b"POST /show HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /show HTTP/1.0\r\nContent-Length: 100000\r\n\r\n" + bytes(100000),
    b"GET /show HTTP/1.0\r\nX-One: a\r\nx-one: b\r\nX-ONE:\r\nX_One: c\r\nX-Two: \xe9 \t\xff\r\n\r\n",
    b"GET /show HTTP/1.0\r\nCookie: a=1\r\nCookie: b=2\r\ncontent-type: a\r\nContent-Type: b\r\n\r\n",
    b"GET /show HTTP/1.0\r\nX-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n",
    b"GET /show HTTP/1.0\r\nx-forwarded-proto: ftp\r\n\r\n",
    b"GET /show HTTP/1.0\r\nX_Forwarded_Proto: https\r\n\r\n",
    b"GET /show HTTP/1.0\r\n" + b"".join(b"X-%d: %d\r\n" % (i, i) for i in range(60)) + b"\r\n",
    b"GET /show HTTP/1.0\r\nX-Long: " + b"x" * 5000 + b"\r\n\r\n",
)
# The same by HTTP/2, as options of curl, of which "-T -" does not say how long the body is.
REQUESTS_2 = (
    "-T -",
    "-d hi",
    "-I",
    "-H X-One:a -H x-one:b -H Cookie:a=1 -H Cookie:b=2",
)

HOP_BY_HOP = ("Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Proxy-Connection")

# What applications answer, each pair of name and value as text.
RESPONSES = (
    (200, ()),
    (201, (("Content-Type", "text/plain"), ("X-One", "1"), ("x-one", "2"), ("Set-Cookie", "a=1"), ("set-cookie", "b"))),
    (200, (("Content-Length", "5"), ("x-behind", "1"))),
    (200, (("content-length", "6"),)),
    (200, (("content-length", "1x"), ("x-behind", "1"))),
    (204, (("content-length", "5"),)),
    (304, (("Content-Length", "100"), ("ETag", '"a"'))),
    (404, (("Connection", "close"), ("x-behind", "1"))),
    *((200, ((name, "x"), ("x-behind", "1"))) for name in HOP_BY_HOP),
    *((200, ((name.upper(), "x"), ("x-behind", "1"))) for name in HOP_BY_HOP),
    (200, (("Server", "own"), ("Date", "today"), ("Content-Type", ""))),
    (200, (("x-latin", "\xe9\xff"), ("x-blank", " a\tb "), ("x-empty", ""))),
    (200, (("x-before", "1"), ("a b", "c"))),
    (200, (("", "c"),)),
    (200, (("x-split", "c\r\nd: e"),)),
    (200, (("x-nul", "c\0d"),)),
    (200, (("x-wide", "\u20ac"),)),
    (299, tuple((f"x-{i}", str(i)) for i in range(30))),
    (99, ()),
    (600, ()),
)

SHOW_WSGI = """
RESPONSES = %r
def dispatch(environ, start_response):
    number = environ["HTTP_X_ANSWER"] if "HTTP_X_ANSWER" in environ else ""
    if number:
        status, fields = RESPONSES[int(number)]
        start_response(f"{status} Text", list(fields))
        return iter([b"", b"12345"]) if "HTTP_X_ITERATED" in environ else [b"12345"]
    shown = {name: value for name, value in environ.items() if isinstance(value, (str, bool, tuple))}
    shown["REMOTE_PORT"] = shown["REMOTE_PORT"].isdecimal()
    start_response("200 OK", [])
    return [repr(sorted(shown.items())).encode(), repr(environ["wsgi.input"].read()).encode()]
""" % (RESPONSES,)

SHOW_ASGI = """
RESPONSES = %r
async def dispatch(scope, receive, send):
    if scope["type"] == "lifespan":
        return await lifespan(receive, send)
    number = dict(scope["headers"]).get(b"x-answer")
    if number:
        status, fields = RESPONSES[int(number)]
        pairs = [(name.encode("latin-1"), value.encode("utf-8" if "\\u20ac" in value else "latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": status, "headers": pairs})
        return await body(send, b"12345")
    shown = {**scope, "client": (scope["client"][0], scope["client"][1] > 0), "read": await read(receive)}
    await send({"type": "http.response.start", "status": 200})
    await body(send, repr(sorted(shown.items())).encode())
""" % (RESPONSES,)


def asked():
    """All requests: those that applications show, and those for the responses above."""
    yield from REQUESTS
    for number in range(len(RESPONSES)):
        for method, more in itertools.product((b"GET", b"HEAD"), (b"", b"X-Iterated: 1\r\n")):
            yield b"%s / HTTP/1.1\r\nHost: h\r\n%sX-Answer: %d\r\nConnection: close\r\n\r\n" % (method, more, number)


def ask_by_http_2(address, options):
    command = ["curl", "-sSi", "--noproxy", "*", "--http2-prior-knowledge", *options.split(), f"http://{address}/show?a"]
    return subprocess.run(command, input=b"a body", capture_output=True, check=True, timeout=TIMEOUT).stdout


def answers(program, source, accel, *arguments):
    """What comes for each of the requests, without what is another thing each time."""
    with mock.patch.dict(os.environ, FORKER_ACCEL=accel), program(source, *arguments, checked=False, h2c=True) as served:
        served.wait_ready()
        port = served.address.rpartition(":")[2].encode()
        received = {text[:200]: served.raw(text) for text in asked()}
        received.update((options, ask_by_http_2(served.address, options)) for options in REQUESTS_2)
        assert served.stop() == 0
    return {
        request: re.sub(rb"(?i)\r\ndate: [^\r]* GMT", b"", answer).replace(port, b"PORT")
        for request, answer in received.items()
    }


class SameTest(unittest.TestCase):
    def compare(self, program, source, *arguments):
        if not HAS_ACCEL:
            self.skipTest("forker._accel is not built for this Python")
        slow, fast = (answers(program, source, accel, *arguments) for accel in "01")
        for request, expected in slow.items():
            with self.subTest(request=request):
                self.assertEqual(fast[request], expected)
        self.assertIn(b"a body", slow["-T -"])

    def test_wsgi(self):
        self.compare(wsgi_program.program, SHOW_WSGI)

    def test_asgi(self):
        def program(source, checked, **options):
            return asgi_program.program(source, **options)

        self.compare(program, SHOW_ASGI)


@contextlib.contextmanager
def turkish():
    """A locale in which "i" and "I" are no pair of letters, for the programs that are started meanwhile."""
    if shutil.which("localedef") is None or not os.path.exists("/usr/share/i18n/locales/tr_TR"):
        raise unittest.SkipTest("package locales is not installed")
    with tempfile.TemporaryDirectory() as directory:
        # Its status is 1 for warnings too, of which the definitions of some releases have some.
        target = os.path.join(directory, "tr_TR.UTF-8")
        subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", target], stderr=subprocess.DEVNULL, timeout=TIMEOUT)
        with mock.patch.dict(os.environ, LOCPATH=directory, LC_ALL="tr_TR.UTF-8"):
            source = "import locale; print(locale.setlocale(locale.LC_CTYPE))"
            done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=TIMEOUT)
            assert done.stdout.strip() == "tr_TR.UTF-8", done
            yield


class LocaleTest(SameTest):
    """The same in a locale with other pairs of letters."""

    def compare(self, *arguments):
        with turkish():
            super().compare(*arguments)


class ChoiceTest(unittest.TestCase):
    def choose(self, accel):
        with mock.patch.dict(os.environ, FORKER_ACCEL=accel):
            with Program("from forker.accel import accel\ntold(accel is not None)\nsys.exit()") as program:
                self.assertEqual(program.wait(), 0)
            return program.out.seen

    def test_programs_have_what_was_chosen(self):
        self.assertEqual(self.choose("0"), ["False"])
        if HAS_ACCEL:
            self.assertEqual(self.choose("1"), ["True"])

    def test_what_was_asked_for_has_to_be_there(self):
        source = "import sys\nsys.modules['forker._accel'] = None\nimport forker.wsgi"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        for accel, status in (("1", 1), ("0", 0), ("", 0)):
            done = subprocess.run(
                [sys.executable, "-c", source],
                env={**environment, "FORKER_ACCEL": accel},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
            self.assertEqual(done.returncode, status, done.stderr)


if __name__ == "__main__":
    unittest.main()
