"""Groups of routes and the functions around their handlers, by a real client."""

import base64
import unittest

import forker
from program import Program


class GroupTest(unittest.TestCase):
    def test_static_files_are_served(self):
        source = """
import pathlib, tempfile
root = pathlib.Path(tempfile.mkdtemp())
(root / "a.js").write_text("js")
(root / "index.html").write_text("index")
server = make_server()
server.static("/assets", root, cache_control="*.js=max-age=600", fallback="index.html", security=True)
private = server.group("/private")
@private.use
def auth(request):
    if request.headers.get("x-user") is None:
        return 401, "who are you?"
private.static("", str(root), listing=True, index="")
try:
    forker.Server().static("/x", root / "none")
except forker.Error as error:
    told("refused", error.code == forker.E_SYSTEM)
server.run()
"""
        user = {"X-User": "u"}
        with Program(source) as program:
            program.out.wait_for("refused True")
            program.wait_ready()
            status, headers, body = program.request("GET", "/assets/a.js")
            self.assertEqual((status, body), (200, b"js"))
            self.assertEqual(headers["cache-control"], "max-age=600")
            self.assertEqual(headers["x-frame-options"], "SAMEORIGIN")
            self.assertEqual(program.request("GET", "/assets/users/7", headers={"Accept": "text/html"})[2], b"index")
            self.assertEqual(program.request("GET", "/private/a.js")[0], 401)
            self.assertEqual(program.request("GET", "/private/a.js", headers=user)[2], b"js")
            self.assertIn(b"./index.html", program.request("GET", "/private/", headers=user)[2])
            self.assertEqual(program.stop(), 0)

    def test_users_show_their_password(self):
        source = """
import pathlib, tempfile
users = pathlib.Path(tempfile.mkdtemp()) / "users"
users.write_text("jo\u00e9:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\\n", encoding="utf-8")
server = make_server()
admin = server.group("/admin", basic_auth=str(users), auth_realm="admin")
@admin.get("/me")
def me(request):
    return request.user
@server.get("/*path")
def everything(request):
    return repr(request.user)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.request("GET", "/other")[2], b"None")
            for path in ("/admin/me", "/admin/none"):
                status, headers, _ = program.request("GET", path)
                self.assertEqual((status, headers["www-authenticate"]), (401, 'Basic realm="admin", charset="UTF-8"'))
            shown = base64.b64encode("jo\u00e9:secret".encode()).decode()
            self.assertEqual(
                program.request("GET", "/admin/me", headers={"Authorization": f"Basic {shown}"})[2].decode(), "jo\u00e9"
            )
            self.assertEqual(program.stop(), 0)

    def test_keys_and_passwords_are_judged(self):
        source = """
server = make_server()
api = server.group("/api")
@api.key_auth("header:Authorization:Bearer, form:key")
def judge(request, key):
    if key == "own":
        return 402, "pay"
    if key == "abort":
        forker.abort(403)
    if key == "odd":
        return 7
    if key == "later":
        deferred = request.defer()
        threading.Thread(target=deferred.next).start()
        return deferred
    request.state.key = key
    return forker.same_secret(key, "s\u00e9cret")
@api.post("/who")
def who(request):
    return request.state.key if hasattr(request.state, "key") else "later"
admin = server.group("/admin")
@admin.basic_auth
def users(request, name, password):
    return name == "jo\u00e9" and forker.same_secret(password, "secret") or None
@admin.get("/me")
def me(request):
    return request.user
for wrong in ("heder:X", "query:"):
    try:
        api.key_auth(wrong)(judge)
    except forker.Error as error:
        told(error.code == forker.E_INVALID, error)
server.run()
"""
        with Program("import threading\n" + source) as program:
            program.out.wait_for('True key_auth: "heder:X": it begins with none of header:, query:, cookie: and form:')
            program.wait_ready()

            def ask(key=None, form=b"", path="/api/who"):
                headers = {"Content-Type": "application/x-www-form-urlencoded"}
                if key is not None:
                    headers["Authorization"] = "Bearer " + key.encode().decode("latin-1")
                return program.request("POST", path, form, headers)

            status, headers, _ = ask()
            self.assertEqual((status, headers["www-authenticate"]), (401, 'Bearer realm="restricted"'))
            self.assertEqual(ask("s\u00e9cret")[2].decode(), "s\u00e9cret")
            self.assertEqual(ask(None, b"a=1&key=s%C3%A9cret")[2].decode(), "s\u00e9cret")
            answers = [ask(key)[0] for key in ("secret", "own", "abort", "odd", "later", "\u00e9")]
            self.assertEqual(answers, [401, 402, 403, 500, 200, 401])
            for key in ("s\u00e9cre", "s\u00e9crets", "s\u00e9creT", "S\u00e9cret"):
                self.assertEqual(ask(key)[0], 401, key)
            self.assertEqual(ask("s\u00e9cret", path="/api/none")[0], 404)
            self.assertEqual(ask(path="/api/none")[0], 401)
            shown = base64.b64encode("jo\u00e9:secret".encode()).decode()
            self.assertEqual(
                program.request("GET", "/admin/me", headers={"Authorization": f"Basic {shown}"})[2].decode(), "jo\u00e9"
            )
            self.assertEqual(program.request("GET", "/admin/me", headers={"Authorization": "Basic eDp5"})[0], 401)
            self.assertEqual(program.stop(), 0)

    def test_origins_are_judged(self):
        source = """
server = make_server()
shop = server.group("/shop/:shop", cors_credentials=True)
@shop.on_origin
def may_read(request, origin):
    request.state.origin = origin
    if origin == "https://defers.example":
        return request.defer()
    if origin == "https://odd.example":
        return "yes"
    if origin == "https://none.example":
        return None
    return request.params["shop"] == "tea" and origin == "https://tea.example"
@shop.get("")
def show(request):
    return getattr(request.state, "origin", "none")
two = server.group("/two", cors_origins="*")
two.get("")(show)
for wrong in (shop.on_origin, two.on_origin):
    try:
        wrong(may_read)
    except forker.Error as error:
        told(error.code == forker.E_STATE, error)
try:
    server.run()
except forker.Error as error:
    told(error.code == forker.E_OPTION, error)
"""
        with Program(source) as program:
            program.out.wait_for("True on_origin: the group /shop/:shop has a function already")
            program.out.wait_for("True run: cors_origins")
        with Program(source.replace(', cors_origins="*"', "")) as program:
            program.wait_ready()
            for path, origin, wanted in (
                ("/shop/tea", "https://tea.example", "https://tea.example"),
                ("/shop/milk", "https://tea.example", None),
                ("/shop/tea", "https://odd.example", None),
                ("/shop/tea", "https://none.example", None),
                ("/shop/tea", "https://defers.example", None),
            ):
                status, headers, body = program.request("GET", path, headers={"Origin": origin})
                self.assertEqual((status, body.decode(), headers["vary"]), (200, origin, "Origin"))
                self.assertEqual(headers.get("access-control-allow-origin"), wanted, origin)
            self.assertEqual(program.request("GET", "/shop/tea")[2], b"none")
            program.log.wait_for("it returns True or False, and has returned 'yes'")
            program.log.wait_for("defer: an on_origin function says 1 or 0, and answers nothing")
            self.assertEqual(program.stop(), 0)

    def test_tokens_of_forms(self):
        source = """
server = make_server(cookie_keys="0123456789abcdef0123456789abcdef", csrf="token")
@server.get("/page")
def page(request):
    return request.csrf_token() + " " + request.csrf_token()
@server.post("/save")
def save(request):
    return request.form["a"]
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            status, headers, body = program.request("GET", "/page")
            self.assertEqual((status, headers["cache-control"]), (200, "no-store"))
            cookie = headers["set-cookie"].partition(";")[0]
            first, second = body.decode().split()
            self.assertNotEqual(first, second)
            for token, wanted in ((first, 200), (second, 200), (first[:-1], 403), ("", 403)):
                form = f"a=b&csrf_token={token}".encode()
                fields = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
                self.assertEqual(program.request("POST", "/save", form, fields)[0], wanted)
                shown = {"X-CSRF-Token": token, "Cookie": cookie}
                status = program.request("POST", "/save", b"", shown)[0]
                self.assertEqual(status, 400 if wanted == 200 else 403)  # There is no form.
            self.assertEqual(program.stop(), 0)
        source = """
server = make_server()
@server.get("/")
def page(request):
    return request.csrf_token()
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.request("GET", "/")[0], 500)
            self.assertEqual(program.stop(), 0)
            self.assertTrue([line for line in program.log.wait_for_end() if "csrf_token: option cookie_keys is empty" in line])

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

    def test_a_function_that_yields_twice_has_its_response(self):
        source = """
server = make_server()
@server.group("/twice").use
def twice(request):
    fails = request.query
    try:
        yield
        yield
    finally:
        if fails:
            raise ValueError("at the end")
@server.route("*", "/*rest")
def rest(request):
    return "open"
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            self.assertEqual(program.request("GET", "/twice")[2], b"open")
            program.log.wait_for("RuntimeError: it yields twice")
            self.assertEqual(program.request("GET", "/twice?fails")[2], b"open")
            program.log.wait_for("ValueError: at the end")
            self.assertEqual(program.stop(), 0)

    def test_time_of_a_route(self):
        source = """
server = make_server(handler_timeout="10m")
kept = []
def wait(request):
    kept.append(request.defer())
    return kept[-1]
server.group("/group", handler_timeout="30ms").get("")(wait)
server.get("/route", handler_timeout="30ms")(wait)
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            for path in ("/group", "/route"):
                self.assertEqual(program.request("GET", path)[0], 504)
                program.log.wait_for(f"the handler of GET {path} has not answered within handler_timeout; answered 504")
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

    def test_function_that_waits(self):
        source = """
import gc, threading
server = make_server()
checked = server.group("/checked")
@checked.use
def check(request):
    request.state.user = request.headers["x-user"]
    deferred = request.defer()
    deferred.on_close(lambda reason: told("closed"))
    if request.state.user == "nobody":
        threading.Thread(target=deferred.respond, args=((401, "who are you?"),)).start()
    else:
        threading.Thread(target=go_on, args=(deferred,)).start()
    return deferred
def go_on(deferred):
    told("next", deferred.next())
    try:
        deferred.next()
    except forker.Error as error:
        told("again", error.code == forker.E_STATE)
@checked.get("/it")
def it(request):
    return request.state.user
@checked.get("/late")
def late(request):
    deferred = request.defer()
    try:
        deferred.next()
    except forker.Error as error:
        deferred.respond(str(error))
    return deferred
@server.get("/kept")
def kept(request):
    import forker.deferred
    return str(len(forker.deferred._closing))
server.run()
"""
        with Program(source) as program:
            program.wait_ready()
            for path, body in (("/checked/it", b"me"), ("/checked/late", b"deferred_next: ")):
                got = program.get(path, {"X-User": "me"})[2]
                self.assertTrue(got.startswith(body), got)
                program.out.wait_for("next True")
                program.out.wait_for("again True")
            self.assertEqual(program.get("/checked/it", {"X-User": "nobody"})[0], 401)
            program.out.wait_for("closed")
            self.assertEqual(program.get("/kept")[2], b"0")
            self.assertEqual(program.stop(), 0)
            self.assertEqual(program.out.seen.count("closed"), 1)


if __name__ == "__main__":
    unittest.main()
