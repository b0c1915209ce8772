"""What functions do to the head of a response, and what a handler says of its response by name."""

import unittest

import forker
from program import THREAD, Program

SOURCE = f"""{THREAD}
server = make_server()
heads = []

@server.group().use
def first(request):
    @request.on_head
    def outer(head):
        head.set("X-Order", "outer")
        head.add("X-All", "outer")
        head.set_cookie("seen", str(head.status), secure=True)

@server.get("/")
def index(request):
    @request.on_head
    def inner(head):
        heads.append(head)
        head.set("X-Order", "inner")
        head.add("X-All", "inner")
    return "body"

@server.get("/fails")
def fails(request):
    @request.on_head
    def broken(head):
        raise ValueError("broken head")
    @request.on_head
    def refused(head):
        head.set("Content-Length", "7")
    return "sent"

@server.get("/after")
def after(request):
    try:
        heads[0].set("X-Late", "1")
    except RuntimeError as error:
        return str(error)

@server.get("/many")
def many(request):
    try:
        for _ in range(100):
            request.on_head(lambda head: None)
    except forker.Error as error:
        return str(error.code == forker.E_LIMIT)

@server.get("/stream")
def stream(request):
    deferred = request.defer()
    def work():
        with deferred.stream() as stream:
            stream.write("piece")
    threading.Thread(target=work).start()
    return deferred

@server.get("/kept")
def kept(request):
    import forker.state
    return str(len(forker.state._kept))

@server.get("/save")
def save(request):
    return forker.Response(200, "x").attachment("../na\\u00efve.pdf")

@server.get("/show")
def show(request):
    return forker.Response(200, "x").attachment(in_page=True)

server.run()
"""


class HeadTest(unittest.TestCase):
    def test_on_head(self):
        with Program(SOURCE) as program:
            program.wait_ready()
            for _ in range(2):
                status, headers, body = program.get("/")
                self.assertEqual((status, body), (200, b"body"))
                self.assertEqual((headers["X-Order"], headers.get_all("X-All")), ("outer", ["inner", "outer"]))
                self.assertEqual(headers["Set-Cookie"], "seen=200; Path=/; Secure; HttpOnly; SameSite=Lax")
            self.assertEqual(program.get("/none")[1]["Set-Cookie"].split(";")[0], "seen=404")
            self.assertEqual(program.get("/fails")[2], b"sent")
            program.log.wait_for("GET /fails: on_head failed")
            program.log.wait_for("Content-Length")
            program.log.wait_for("GET /fails: on_head failed")
            program.log.wait_for("broken head")
            self.assertIn(b"this head is sent", program.get("/after")[2])
            self.assertEqual(program.get("/many")[2], b"True")
            status, headers, body = program.get("/stream")
            self.assertEqual((status, headers["X-Order"], body), (200, "outer", b"piece"))
            self.assertEqual(program.get("/kept")[2], b"1")
            self.assertEqual(program.stop(), 0)

    def test_attachments(self):
        with Program(SOURCE) as program:
            program.wait_ready()
            saved = program.get("/save")[1]["Content-Disposition"]
            self.assertTrue(saved.startswith("attachment; filename="), saved)
            self.assertIn("filename*=UTF-8''.._na%C3%AFve.pdf", saved)
            self.assertEqual(program.get("/show")[1]["Content-Disposition"], "inline")
            self.assertEqual(program.stop(), 0)
        with self.assertRaises(ValueError):
            forker.Response().attachment("a\0b")


if __name__ == "__main__":
    unittest.main()
