"""Forms part by part, by a real client."""

import unittest

from program import THREAD, Program

SOURCE = f"""{THREAD}
server = make_server()

def taker(request):
    parts = []
    def take(part, piece, last):
        if part is not None:
            if part.state is None:
                part.state = [part.name, part.filename, part.basename, part.content_type, 0, 0]
                parts.append(part.state)
            part.state[4] += len(piece)
            part.state[5] += last
            return None
        told("end", piece if piece is None or piece == b"" else f"{{piece.status}} {{piece}}", last)
        return parts
    return take

@server.post("/parts", body="stream", form_file="100k")
def parts(request):
    request.on_part(taker(request))

@server.post("/whole")
def whole(request):
    request.on_part(taker(request))

@server.post("/refused", body="stream")
def refused(request):
    @request.on_part
    def take(part, piece, last):
        if part is not None and part.filename is not None:
            forker.abort(409, "no files")
        if part is None and piece == b"":
            return "taken"

@server.post("/broken", body="stream")
def broken(request):
    @request.on_part
    def take(part, piece, last):
        raise ValueError("broken part")

@server.post("/later", body="stream", form_file="100k")
def later(request):
    deferred = request.defer()
    take = taker(request)
    @request.on_part
    def held(part, piece, last):
        result = take(part, piece, last)
        if part is not None:
            request.pause()
            server.call_soon(lambda: deferred.resume())
        elif piece == b"":
            deferred.respond(result)
        else:
            deferred.respond((422, f"{{getattr(piece, 'status', None)}}"))
    return deferred

@server.get("/kept")
def kept(request):
    import forker.part
    return str(len(forker.part._takers))

server.run()
"""

BOUNDARY = "XX"
TYPE = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def form_of(*parts):
    """A form of (name, filename or None, content)."""
    body = b""
    for name, filename, content in parts:
        file = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/x'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


class PartTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = Program(SOURCE)
        cls.program.__enter__()
        cls.program.wait_ready()

    @classmethod
    def tearDownClass(cls):
        try:
            assert cls.program.get("/kept")[2] == b"0"
            assert cls.program.stop() == 0
        finally:
            cls.program.__exit__(None, None, None)

    def post(self, path, body, headers=TYPE):
        status, _, answer = self.program.request("POST", path, body, headers)
        return status, answer

    def test_parts_come_in_pieces(self):
        content = b"f" * 90000
        form = form_of(("a", None, b"1"), ("f", "d/x.txt", content), ("f", "", b""), ("a", None, b""))
        want = (
            b'[["a",null,null,null,1,1],["f","d/x.txt","x.txt","text/x",90000,1],["f","","","text/x",0,1],'
            b'["a",null,null,null,0,1]]'
        )
        for path in ("/parts", "/whole", "/later"):
            self.assertEqual(self.post(path, form), (200, want), path)
            self.program.out.wait_for("end b'' True")
        self.assertEqual(self.post("/parts", form_of()), (200, b"[]"))
        self.program.out.wait_for("end b'' True")

    def test_forms_that_cannot_be_read(self):
        cut = form_of(("a", None, b"1"))[:-8]
        large = form_of(("f", "f", b"f" * 200000))
        for path, body, status, end in (
            ("/parts", cut, 400, "end 400 "),
            ("/parts", large, 413, "end 413 "),
            ("/later", cut, 422, "end 400 "),
            ("/later", large, 422, "end 413 "),
        ):
            self.assertEqual(self.post(path, body)[0], status, path)
            self.program.out.wait_for(end)
        self.assertEqual(self.post("/parts", b"{}", {"Content-Type": "application/json"})[0], 400)

    def test_what_functions_raise(self):
        self.assertEqual(self.post("/refused", form_of(("a", None, b"1"))), (200, b"taken"))
        status, answer = self.post("/refused", form_of(("a", None, b"1"), ("f", "f", b"f")))
        self.assertEqual((status, b"no files" in answer), (409, True))
        self.assertEqual(self.post("/broken", form_of(("a", None, b"1")))[0], 500)
        self.program.log.wait_for("broken part")

    def test_client_that_leaves(self):
        with self.program.connect_socket() as connection:
            head = f"POST /parts HTTP/1.1\r\nHost: t\r\nContent-Type: {TYPE['Content-Type']}\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + form_of(("a", None, b"1"))[:-8])
        self.program.out.wait_for("end None True")


if __name__ == "__main__":
    unittest.main()
