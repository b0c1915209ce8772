"""Cookies, redirects, errors, hosts, names of routes and timers, by a real client."""

import json
import unittest

import forker
from program import Program

SOURCE = """
import threading
server = make_server()

@server.get("/cookies")
def cookies(request):
    response = forker.Response(200, dict(request.cookies))
    return response.set_cookie("sid", "a", max_age=60, secure=True).set_cookie("b", "c", path=None, same_site="strict")

@server.get("/bad-cookie")
def bad_cookie(request):
    return forker.Response(200, "x").set_cookie("sid", "a", same_site="none")

@server.get("/redirect")
def redirect(request):
    return forker.redirect(request.query_param("to"), int(request.query_param("status", "303")))

@server.get("/redirect-later")
def redirect_later(request):
    deferred = request.defer()
    threading.Thread(target=deferred.respond, args=(forker.redirect("/later"),)).start()
    return deferred

@server.get("/abort/:status")
def abort(request):
    forker.abort(int(request.params["status"]), "not so", {"X-Why": "test"})

@server.get("/fail")
def fail(request):
    raise RuntimeError("failed on purpose")

@server.errorhandler(404)
def not_found(request, error):
    return {"missing": request.path, "status": error.status}

@server.errorhandler(409)
def conflict(request, error):
    return 422, f"{error.detail}!"

@server.errorhandler(410)
def gone(request, error):
    raise RuntimeError("the error function fails")

@server.errorhandler()
def others(request, error):
    if error.status == 500:
        return f"own {error.status}"

@server.get("/users/:id", name="user")
def user(request):
    return server.url("user", id=request.params["id"], page=2)

@server.get("/bad-url")
def bad_url(request):
    try:
        server.url("user")
    except forker.Error as error:
        return str(error)

@server.get("/local")
def local(request):
    return {"local": request.local, "address": server.address()}

api = server.host("api.example")
@api.use
def auth(request):
    if request.headers.get("x-user") is None:
        forker.abort(401, "who are you?", [("WWW-Authenticate", "Basic")])
@api.get("/")
def api_root(request):
    return "api"

@server.get("/refused", security=True)
def refused(request):
    return 200, "", [("Cache-Control", "public, max-age=99"), ("X", "two\\nlines")]

@server.get("/timers")
def timers(request):
    ticks = []
    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            told("thrice", repeated.cancel(), repeated.cancel())
    repeated = server.call_later(0.001, tick, every=0.001)
    server.call_later(0, lambda: told("once", threading.current_thread() is threading.main_thread()))
    server.call_later(0, lambda: 1 / 0)
    never = server.call_later(3600, lambda: told("never"))
    return [never.cancel(), never.cancel()]

told("routes", [tuple(route) for route in server.routes()][-3:])
server.run()
"""


class ApplicationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = Program(SOURCE)
        cls.program.__enter__()
        cls.program.wait_ready()

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.program.stop() == 0
        finally:
            cls.program.__exit__(None, None, None)

    def ask(self, path, **headers):
        return self.program.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def test_cookies(self):
        status, headers, body = self.ask("/cookies", Cookie='a=1; b="two"; a=3; =x; c; d=e=f')
        self.assertEqual((status, json.loads(body)), (200, {"a": "1", "b": "two", "d": "e=f"}))
        self.assertEqual(
            headers.get_all("Set-Cookie"),
            ["sid=a; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax", "b=c; HttpOnly; SameSite=Strict"],
        )
        self.assertEqual(json.loads(self.ask("/cookies")[2]), {})
        self.assertEqual(self.ask("/bad-cookie")[0], 500)
        response = forker.Response()
        for wrong in ({"same_site": "no"}, {"max_age": -2}):
            with self.assertRaises(ValueError):
                response.set_cookie("a", "b", **wrong)

    def test_redirect(self):
        for to, want in (("/a?b", "/a?b"), ("//evil.example", "/evil.example"), ("https://a.example/", "https://a.example/")):
            status, headers, _ = self.ask(f"/redirect?to={to}&status=308")
            self.assertEqual((status, headers["Location"]), (308, want))
        self.assertEqual(self.ask("/redirect?to=javascript:x")[0], 500)
        self.assertEqual(self.ask("/redirect-later")[1]["Location"], "/later")

    def test_abort_and_error_handlers(self):
        status, headers, body = self.ask("/abort/403")
        self.assertEqual((status, headers["X-Why"]), (403, "test"))
        self.assertIn(b"not so", body)
        self.assertEqual(self.ask("/abort/409")[::2], (422, b"not so!"))
        self.assertEqual(self.ask("/abort/410")[0], 500)
        self.program.log.wait_for("the error function fails")
        status, _, body = self.ask("/nowhere")
        self.assertEqual((status, json.loads(body)), (404, {"missing": "/nowhere", "status": 404}))
        self.assertEqual(self.ask("/fail")[::2], (500, b"own 500"))
        self.program.log.wait_for("failed on purpose")
        self.assertEqual(self.ask("/abort/200")[0], 500)
        with self.assertRaises(forker.HTTPError) as caught:
            forker.abort(404, "why")
        self.assertEqual((caught.exception.status, caught.exception.detail), (404, "why"))
        with self.assertRaises(ValueError):
            forker.HTTPError(399)

    def test_names_of_routes(self):
        self.assertEqual(self.ask("/users/a%20b")[2], b"/users/a%20b?page=2")
        self.assertIn(b"url user: ", self.ask("/bad-url")[2])
        line = next(line for line in self.program.out.seen if line.startswith("routes "))
        self.assertIn("('GET', '/', '', 'api.example')", line)
        with forker.Server() as server:
            with self.assertRaises(forker.Error) as caught:
                server.url("none")
        self.assertEqual(caught.exception.code, forker.E_ROUTE)

    def test_request(self):
        ends = json.loads(self.ask("/local")[2])
        self.assertEqual(ends["local"], ends["address"])

    def test_hosts(self):
        status, headers, _ = self.ask("/", Host="api.example:80")
        self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Basic"))
        self.assertEqual(self.ask("/", Host="API.example", X_User="u")[2], b"api")
        self.assertEqual(self.ask("/", Host="other.example")[0], 404)
        with forker.Server() as server, self.assertRaises(forker.Error):
            server.host("http://api.example")

    def test_a_failure_has_no_fields_of_the_response_that_was_refused(self):
        status, headers, _ = self.ask("/refused")
        self.assertEqual((status, headers["Cache-Control"], headers["X-Frame-Options"]), (500, None, "SAMEORIGIN"))

    def test_timers(self):
        self.assertEqual(json.loads(self.ask("/timers")[2]), [True, False])
        self.program.out.wait_for("once True")
        self.program.out.wait_for("thrice True False")
        self.program.log.wait_for("call_later: the function failed")


if __name__ == "__main__":
    unittest.main()
