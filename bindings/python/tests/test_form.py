"""Forms and queries as mappings, by a real client."""

import tempfile
import unittest
from pathlib import Path

from program import Program

SOURCE = """
import json
server = make_server(body_buffer="10k", form_field="5k")
kept = []
@server.post("/form")
def form(request):
    kept.append(request)
    files = [(n, f.filename, f.basename, f.content_type, f.size, f.data.decode("latin-1")) for n, f in request.files.pairs]
    return json.dumps([request.form.pairs, files])
@server.post("/named")
def named(request):
    form = request.form
    return json.dumps([form["a"], form.get_all("a"), form.get("none"), "none" in form, list(form), form.get_all("none")])
@server.post("/save")
def save(request):
    file = request.files["f"]
    kept.append(file)
    file.save(request.query_params["to"])
    return 201, f"{file!r}"
@server.post("/full")
def full(request):
    import errno, pathlib, resource
    path = pathlib.Path(request.query_params["to"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))  # SIGXFSZ is ignored by Python
    try:
        request.files["f"].save(path)
    except OSError as error:
        return f"{error.errno == errno.EFBIG} {path.exists()}"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
@server.get("/after")
def after(request):
    try:
        kept[-1].data
    except RuntimeError:
        return "ended"
@server.post("/caught")
def caught(request):
    try:
        return request.form["a"]
    except forker.FormError as error:
        return 422, f"{error.status} {error.code}"
@server.post("/limited", form_field="3")
def limited(request):
    return request.form["a"]
@server.post("/stream", body="stream")
def stream(request):
    return request.form["a"]
@server.get("/query")
def query(request):
    return json.dumps([request.query_params.pairs, request.query_params.get_all("a")])
server.run()
"""

PAGE = Path(__file__).resolve().parents[3] / "docs" / "HOWTO.md"


def recipe(heading):
    """The Python of a recipe."""
    return PAGE.read_text().split(f"## {heading}\n")[1].split("```python\n")[1].split("```")[0]


URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def field(name, value):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"


def file(name, filename, value, more=""):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n{more}\r\n'.encode() + value + b"\r\n"


END = b"--b--\r\n"


class FormTest(unittest.TestCase):
    def setUp(self):
        self.program = Program(SOURCE).__enter__()
        self.addCleanup(self.program.__exit__, None, None, None)
        self.addCleanup(self.program.stop)
        self.program.wait_ready()

    def expect(self, method, target, body, headers, status, text):
        got = self.program.request(method, target, body, headers)
        self.assertEqual((got[0], got[2].decode()), (status, text))

    def test_both_types(self):
        self.expect("POST", "/form", b"a=1&b=%C3%A4+x&a=2&c", URLENCODED, 200, '[[["a", "1"], ["b", "\\u00e4 x"], ["a", "2"], ["c", ""]], []]')
        body = field("a", "ä".encode()) + file("f", "C:\\dir\\x.txt", b"\r\n--", "Content-Type: text/plain\r\n") + file("f", "", b"") + END
        self.expect("POST", "/form", body, MULTIPART, 200,
                    '[[["a", "\\u00e4"]], [["f", "C:\\\\dir\\\\x.txt", "x.txt", "text/plain", 4, "\\r\\n--"], ["f", "", "", null, 0, ""]]]')  # fmt: skip
        self.expect("POST", "/named", b"a=1&b=2&a=3", URLENCODED, 200, '["1", ["1", "3"], null, false, ["a", "b"], []]')

    def test_query(self):
        self.expect("GET", "/query?a=1&b=+&a=%C3%A4", None, {}, 200, '[[["a", "1"], ["b", " "], ["a", "\\u00e4"]], ["1", "\\u00e4"]]')
        self.expect("GET", "/query", None, {}, 200, "[[], []]")

    def test_files_are_saved_and_end_with_their_request(self):
        content = bytes(range(256)) * 100
        with tempfile.TemporaryDirectory() as directory:
            for size in (len(content), 0):
                path = Path(directory, str(size))
                body = file("f", "x", content[:size]) + END
                self.expect("POST", f"/save?to={path}", body, MULTIPART, 201, f"<File 'x', {size} bytes>")
                self.assertEqual(path.read_bytes(), content[:size])
                self.assertEqual(self.program.request("POST", f"/save?to={path}", body, MULTIPART)[0], 500)  # it is there
                self.assertEqual(path.read_bytes(), content[:size])
            self.expect("POST", f"/full?to={directory}/full", file("f", "x", content) + END, MULTIPART, 200, "True False")
        self.expect("GET", "/after", None, {}, 200, "ended")

    def test_what_is_no_form_is_refused(self):
        for target, body, headers, status, text in (
            ("/form", field("a", b"1"), MULTIPART, 400, "form: the body ends before its last boundary"),
            ("/form", b"{}", {"Content-Type": "application/json"}, 400, "form: Content-Type application/json is none of a form"),
            ("/form", b"a=" + b"x" * 5121, URLENCODED, 413, "(option form_field)"),
            ("/limited", b"a=1234", URLENCODED, 413, "more than 3 bytes (option form_field)"),
        ):
            got = self.program.request("POST", target, body, headers)
            self.assertEqual(got[0], status)
            self.assertIn(text, got[2].decode())
        self.expect("POST", "/limited", b"a=123", URLENCODED, 200, "123")
        self.expect("POST", "/caught", b"a", MULTIPART, 422, "400 -1")
        self.assertEqual(self.program.request("POST", "/stream", b"a=1", URLENCODED)[0], 500)
        self.assertEqual(self.program.request("POST", "/named", b"b=1", URLENCODED)[0], 500)  # a KeyError


class RecipeTest(unittest.TestCase):
    def test_recipes(self):
        with tempfile.TemporaryDirectory() as directory:
            source = f"import pathlib, uuid\ndirectory = pathlib.Path({directory!r})\nserver = make_server()\n"
            with Program(source + recipe("A form") + recipe("An upload") + "server.run()\n") as program:
                program.wait_ready()
                self.assertEqual(program.request("POST", "/sign-up", b"name=me", URLENCODED)[2], b"welcome, me")
                self.assertEqual(program.request("POST", "/sign-up", b"age=7", URLENCODED)[0], 422)
                body = file("picture", "../x", b"bytes") + END
                self.assertEqual(program.request("POST", "/pictures", body, MULTIPART)[2], b"5 bytes")
                self.assertEqual(program.request("POST", "/pictures", field("a", b"1") + END, MULTIPART)[0], 400)
                self.assertEqual([path.read_bytes() for path in Path(directory).iterdir()], [b"bytes"])
                program.stop()


if __name__ == "__main__":
    unittest.main()
