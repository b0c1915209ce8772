"""Values that a client sends, as numbers and choices; signed cookies; paths that are rewritten."""

import unittest

from program import Program

SOURCE = """
server = make_server(cookie_keys="0123456789abcdef0123456789abcdef,abcdef0123456789abcdef0123456789")
server.rewrite("/old/*", "/args/$1")

@server.route("GET,POST", "/args/:id")
def args(request):
    return [
        request.arg_int("id", 1, 99, 0, source="param"),
        request.arg_int("page", -5, 2**63 - 1, 7),
        request.arg_float("ratio", 0, 1, 0.5),
        request.arg_bool("all", True),
        request.arg_choice("sort", ["asc", "desc"], "desc"),
        request.arg_choice("x-mode", ("a", "b"), "a", source="header"),
        request.arg_int("n", 0, 9, 3, source="cookie"),
        request.arg_int("f", 0, 9, 4, source="form") if request.method == "POST" else None,
    ]

@server.get("/wrong")
def wrong(request):
    raised = []
    for call in (
        lambda: request.arg_int("a", 0, 2**63, 0),
        lambda: request.arg_int("a", 0, 1, 0, source="body"),
        lambda: request.arg_choice("a", ["x"], "y"),
        lambda: request.arg_choice("a", "xy", "x"),
        lambda: request.arg_choice("a", ["x|y"], "x|y"),
        lambda: request.arg_bool("a\\0", True),
    ):
        try:
            call()
        except ValueError as error:
            raised.append(str(error))
    return raised

@server.get("/sign")
def sign(request):
    text = server.cookie_sign("sid", "joe")
    try:
        server.cookie_sign("sid", "a;b")
    except forker.Error as error:
        told("refused", error.code == forker.E_INVALID, error)
    return forker.Response(200, [
        server.cookie_verify("sid", text), server.cookie_verify("other", text), server.cookie_verify("sid", text + "x"),
        server.cookie_verify("sid", ""), server.cookie_verify("sid", "joe"),
    ]).set_cookie("sid", text)

@server.get("/who")
def who(request):
    return server.cookie_verify("sid", request.cookies.get("sid", "")) or "nobody"

try:
    server.cookie_sign("sid", "joe")
except forker.Error as error:
    told("early", error.code in (forker.E_PROCESS, forker.E_STATE))
try:
    server.rewrite("old", "/new")
except forker.Error as error:
    told("no path", error.code == forker.E_ROUTE)
server.run()
"""


class ArgumentTest(unittest.TestCase):
    def test_arguments(self):
        with Program(SOURCE) as program:
            program.out.wait_for("early True")
            program.out.wait_for("no path True")
            program.wait_ready()
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            self.assertEqual(program.get("/args/5")[2], b'[5,7,0.5,true,"desc","a",3,null]')
            query = "/args/5?page=-5&ratio=0.25&all=off&sort=asc"
            fields = {"X-Mode": "b", "Cookie": "n=9", **form}
            self.assertEqual(program.request("POST", query, "f=1", fields)[2], b'[5,-5,0.25,false,"asc","b",9,1]')
            self.assertEqual(program.get("/old/5")[2], b'[5,7,0.5,true,"desc","a",3,null]')
            for target, sentence in (
                ("/args/100", b'id: "100" is not a whole number from 1 to 99'),
                ("/args/5?page=x", b'page: "x" is not a whole number'),
                ("/args/5?ratio=2", b'ratio: "2" is not a number from 0 to 1'),
                ("/args/5?all=maybe", b'all: "maybe" is none of'),
                ("/args/5?sort=up", b'sort: "up" is none of asc|desc'),
            ):
                status, _, body = program.get(target)
                self.assertEqual((status, sentence in body), (400, True), (target, body))
            self.assertEqual(program.request("POST", "/args/5", "{}", {"Content-Type": "application/json"})[0], 400)
            self.assertEqual(program.get("/wrong")[2].count(b'","'), 5)
            self.assertEqual(program.stop(), 0)

    def test_times(self):
        source = """
from datetime import datetime, timedelta, timezone
server = make_server()
first, last = datetime(2020, 1, 1, tzinfo=timezone.utc), datetime(2030, 1, 1, tzinfo=timezone(timedelta(hours=1)))
@server.get("/")
def index(request):
    return request.arg_time("at", first, last, last).isoformat()
@server.get("/naive")
def naive(request):
    try:
        return request.arg_time("at", first, last, datetime(2026, 1, 1)).isoformat()
    except ValueError as error:
        return str(error)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"2029-12-31T23:00:00+00:00")
            self.assertEqual(program.get("/?at=2026-11-30T08:15:00.25-02:00")[2], b"2026-11-30T10:15:00.250000+00:00")
            self.assertEqual(program.get("/?at=2026-11-30")[2], b"2026-11-30T00:00:00+00:00")
            status, _, body = program.get("/?at=2019-12-31")
            self.assertEqual(status, 400)
            self.assertIn(b'at: "2019-12-31" is not from 2020-01-01T00:00:00Z to 2029-12-31T23:00:00Z', body)
            self.assertIn(b"have a time zone", program.get("/naive")[2])
            self.assertEqual(program.stop(), 0)

    def test_signed_cookies(self):
        with Program(SOURCE) as program:
            program.wait_ready()
            status, headers, body = program.get("/sign")
            self.assertEqual((status, body), (200, b'["joe",null,null,null,null]'))
            program.out.wait_for("refused True cookie_sign sid: ")
            cookie = headers["Set-Cookie"].partition(";")[0]
            self.assertEqual(program.get("/who", {"Cookie": cookie})[2], b"joe")
            self.assertEqual(program.get("/who", {"Cookie": cookie.replace("joe", "jim")})[2], b"nobody")
            self.assertEqual(program.stop(), 0)

    def test_without_keys(self):
        source = """
server = make_server()
@server.get("/")
def index(request):
    try:
        server.cookie_sign("sid", "joe")
    except forker.Error as error:
        return str(error.code == forker.E_STATE)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.get("/")[2], b"True")
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main()
