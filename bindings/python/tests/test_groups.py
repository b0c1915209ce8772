"""Groups of routes and the functions around their handlers, by a real client."""

import unittest

import forker
from program import Program


class GroupTest(unittest.TestCase):
    def test_functions_come_before_and_after(self):
        source = """
server = make_server()
api = server.group("/api", max_body=10)
@api.use
def auth(request):
    if request.headers.get("x-user") is None:
        return 401, "who are you?"
    request.state.user = request.headers["x-user"]
    path = request.path
    outcome = yield
    told("done", path, outcome.status, outcome.reason, outcome.bytes_out)
@server.group().use
def first(request):
    request.state.order = ["server"]
@api.get("/me")
def me(request):
    return {"user": request.state.user, "order": request.state.order}
@api.post("/echo")
def echo(request):
    return request.body
inner = api.group("/:kind")
@inner.use
def kind(request):
    request.state.order.append(request.params["kind"])
    if request.params["kind"] == "broken":
        raise ValueError("broken")
@inner.get("/x")
def x(request):
    return " ".join(request.state.order)
@server.get("/fresh")
def fresh(request):
    return {"state": vars(request.state)}
@server.route("*", "/*rest")
def rest(request):
    return "open"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            user = {"X-User": "joe"}
            for method, path in (("GET", "/api/me"), ("POST", "/api/me"), ("DELETE", "/api/none"), ("GET", "/api")):
                self.assertEqual(program.request(method, path)[0], 401, (method, path))
            status, _, body = program.request("GET", "/api/me", headers=user)
            self.assertEqual((status, body), (200, b'{"user":"joe","order":["server"]}'))
            program.out.wait_for("done /api/me 200 0 33")
            self.assertEqual(program.request("GET", "/api/a/x", headers=user)[2], b"server a")
            self.assertEqual(program.request("GET", "/api/broken/x", headers=user)[0], 500)
            program.out.wait_for("done /api/broken/x 500 0")
            self.assertEqual(program.request("POST", "/api/echo", b"1234567890", headers=user)[2], b"1234567890")
            self.assertEqual(program.request("POST", "/api/echo", b"12345678901", headers=user)[0], 413)
            self.assertEqual(program.request("GET", "/fresh")[2], b'{"state":{"order":["server"]}}')
            self.assertEqual(program.request("GET", "/elsewhere")[2], b"open")
            self.assertEqual(program.stop(), 0)

    def test_a_decorator_is_for_its_method_alone(self):
        source = """
server = make_server()
for routes, path in ((server, "/on"), (server.group("/in"), "")):
    for name in ("get", "post", "put", "patch", "delete"):
        getattr(routes, name)(f"{path}/{name}")(lambda request: request.method)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
            for path in ("/on", "/in"):
                for name in methods:
                    answers = {method: program.request(method, f"{path}/{name.lower()}")[0] for method in methods}
                    self.assertEqual(answers, {method: 200 if method == name else 405 for method in methods})
            self.assertEqual(program.stop(), 0)

    def test_what_is_no_prefix_is_refused(self):
        server = forker.Server()
        for prefix in ("api", "/api/", "/*rest", "/{id}"):
            with self.assertRaises(forker.Error) as caught:
                server.group(prefix)
            self.assertEqual(caught.exception.code, forker.E_ROUTE)
        with self.assertRaises(forker.Error) as caught:
            server.group("/api", nonsense=1)
        self.assertEqual(caught.exception.code, forker.E_OPTION)


if __name__ == "__main__":
    unittest.main()
