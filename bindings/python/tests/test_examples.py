"""The examples, used as their first lines say."""

import base64
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from program import TIMEOUT, Program

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@contextlib.contextmanager
def example(name, *arguments):
    """An example that serves."""
    arguments = ["127.0.0.1:0", *map(str, arguments)]
    source = f"import runpy; sys.argv[1:] = {arguments!r}; runpy.run_path({str(EXAMPLES / name)!r})"
    with Program(source) as program:
        program.address = program.out.wait_for("serving on").split()[2]
        yield program


class ExampleTest(unittest.TestCase):
    def test_rest_keeps_notes(self):
        with tempfile.TemporaryDirectory() as directory:
            source = f"import runpy; sys.argv[1:] = {['127.0.0.1:0', directory + '/notes.db']!r}"
            with Program(f"{source}; runpy.run_path({str(EXAMPLES / 'rest.py')!r})") as program:
                program.address = program.log.wait_for("serving on ").split()[-1]

                def ask(method, path, body=None, token="Bearer secret"):
                    status, headers, answer = program.request(method, "/api" + path, body, {"Authorization": token})
                    return status, headers, json.loads(answer) if answer else None

                for wrong in ("", "Bearer", "Bearer wrong", "Basic secret"):
                    status, headers, _ = ask("GET", "/notes", token=wrong)
                    self.assertEqual((status, headers["WWW-Authenticate"]), (401, "Bearer"))
                self.assertEqual(ask("GET", "/notes")[::2], (200, []))
                for wrong in ("{", "[]", "{}", '{"text": 7}', ""):
                    self.assertEqual(ask("POST", "/notes", wrong)[0], 422)
                text = "it's \"quoted\"; DROP TABLE notes; ü"
                status, headers, note = ask("POST", "/notes", json.dumps({"text": text}))
                self.assertEqual((status, headers["Location"], note), (201, "/api/notes/1", {"id": 1}))
                self.assertEqual(ask("GET", "/notes/1")[::2], (200, {"id": 1, "text": text}))
                self.assertEqual(ask("GET", "/notes")[::2], (200, [{"id": 1, "text": text}]))
                self.assertEqual(ask("GET", "/notes/2")[0], 404)
                self.assertEqual([ask("DELETE", "/notes/1")[0] for _ in range(2)], [204, 404])
                self.assertEqual(program.stop(), 0)

    def wait_until(self, condition):
        until = time.monotonic() + TIMEOUT
        while not condition():
            self.assertLess(time.monotonic(), until)
            time.sleep(0.005)

    def test_progress_shows_a_job(self):
        with example("progress.py", 10) as program:
            self.assertEqual(json.loads(program.get("/")[2])["steps"], 10)
            self.assertEqual(program.get("/source")[2], (EXAMPLES / "progress.py").read_bytes())
            with contextlib.closing(program.connect()) as watcher:
                watcher.request("GET", "/events")
                result = program.get("/result")[2]
                self.assertEqual(json.loads(result), {"result": 45})
                self.assertIn(b'event: step\nid: 10\ndata: {"done":10}\n\n', watcher.getresponse().read())
            self.assertEqual(program.wait(), 0)

    def test_own_loop_serves_next_to_a_task(self):
        with example("own_loop.py") as program:
            before = json.loads(program.get("/ticks")[2])["ticks"]
            self.assertGreater(json.loads(program.get("/next")[2])["ticks"], before)
            self.assertEqual(program.stop(signal.SIGINT), 0)
            self.assertNotIn("Traceback", "\n".join(program.log.seen))

    def test_files_are_listed_and_served(self):
        credentials = {"Authorization": "Basic " + base64.b64encode(b"me:secret").decode()}
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "a.txt").write_text("hello")
            with example("files.py", directory) as program:
                self.assertIn(b"./a.txt", program.get("/")[2])
                self.assertEqual(program.get("/a.txt", {"Range": "bytes=1-2"})[2], b"el")
                self.assertEqual(program.stop(), 0)
            with example("files.py", directory, "secret") as program:
                for path in ("/", "/a.txt", "/none", "//a.txt"):
                    self.assertEqual(program.get(path)[0], 401)
                self.assertEqual(program.get("/a.txt", {"Authorization": "Basic !"})[0], 401)
                self.assertEqual(program.get("/a.txt", credentials)[2], b"hello")
                self.assertEqual(program.stop(), 0)

    def test_form_writes_files(self):
        with tempfile.TemporaryDirectory() as directory, example("form.py", directory) as program:

            def post(*args):
                command = ["curl", "-sS", "--noproxy", "*", "-w", " %{http_code}", *args, f"http://{program.address}/"]
                return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT).stdout

            source = Path(directory, "source")
            source.write_bytes(bytes(range(256)) * 4096)
            self.assertIn(" 200", post())
            self.assertEqual(post("-F", "from=me", "-F", f"file=@{source};filename=a/copy"), "1 files from me\n 201")
            self.assertEqual(Path(directory, "copy").read_bytes(), source.read_bytes())
            self.assertEqual(post("-F", f"file=@{source}"), "source is there already\n 409")
            self.assertEqual(post("-F", f"file=@{source};filename=.."), "not a name for a file\n 400")
            self.assertIn(" 400", post("-d", "x", "-H", "Content-Type: text/plain"))
            self.assertEqual(post("-F", "file=;filename="), "0 files from nobody\n 201")
            self.assertEqual(program.stop(), 0)

    def test_greeter_greets(self):
        try:
            import grpc
        except ImportError:
            self.skipTest("grpcio is not installed for this Python")
        from grpc_program import generated

        with generated() as directory:
            sys.path.append(directory)  # of this process and the example
            self.addCleanup(sys.path.remove, directory)
            from helloworld_pb2 import HelloRequest
            from helloworld_pb2_grpc import GreeterStub

            with example("greeter.py") as program, grpc.insecure_channel(program.address) as channel:
                greeter = GreeterStub(channel)
                you, me = HelloRequest(name="you"), HelloRequest(name="me")
                self.assertEqual(greeter.SayHello(you, timeout=TIMEOUT).message, "Hello you")
                with self.assertRaises(grpc.RpcError) as raised:
                    greeter.SayHello(HelloRequest(), timeout=TIMEOUT)
                self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                self.assertEqual(raised.exception.details(), "who are you?")
                twice = greeter.SayHelloTwice(you, timeout=TIMEOUT)
                self.assertEqual([reply.message for reply in twice], ["Hello you"] * 2)
                self.assertEqual(greeter.SayHelloToAll(iter([you, me]), timeout=TIMEOUT).message, "Hello you and me")
                replies = greeter.Chat(iter([you, me]), timeout=TIMEOUT)
                self.assertEqual([reply.message for reply in replies], ["Hello you", "Hello me"])
                check = channel.unary_unary("/grpc.health.v1.Health/Check")
                self.assertEqual(check(b"\x0a\x12helloworld.Greeter", timeout=TIMEOUT), b"\x08\x01")
                self.assertEqual(program.stop(), 0)

    def test_upload_writes_files(self):
        with tempfile.TemporaryDirectory() as directory, example("upload.py", directory) as program:
            content = bytes(range(256)) * 4096
            self.assertEqual(program.request("PUT", "/files/a.iso", content)[0], 201)
            self.assertEqual(Path(directory, "a.iso").read_bytes(), content)
            self.assertEqual(program.request("PUT", "/files/.hidden", b"x")[0], 400)
            with contextlib.closing(program.connect()) as client:  # leaves in the middle
                client.putrequest("PUT", "/files/part.iso")
                client.putheader("Content-Length", "1000000")
                client.endheaders(b"some")
                self.wait_until(lambda: any(Path(directory).glob(".upload-*")))
            self.wait_until(lambda: not any(Path(directory).glob(".upload-*")))
            self.assertEqual(program.request("PUT", "/files/b.iso", b"")[0], 201)
            self.assertEqual(program.stop(), 0)
            self.assertEqual({path.name for path in Path(directory).iterdir()} - {"a.iso", "b.iso"}, set())


if __name__ == "__main__":
    unittest.main()
