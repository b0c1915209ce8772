"""A client that reads slowly costs no more memory than option stream_buffer says, however large the response."""

import pathlib
import re
import time
import unittest

import asgi_program
import wsgi_program

BUFFER = 4 << 20  # stream_buffer
PIECE = 16 << 10
COUNT = (1 << 30) // PIECE  # of pieces
LOOKS = 40

WSGI = f"""
@path
def large(environ, start_response):
    start(start_response)
    return Pieces(bytes({PIECE}) for _ in range(int(environ["QUERY_STRING"])))
@path
def pid(environ, start_response):
    start(start_response)
    return [str(os.getpid()).encode()]
"""
ASGI = f"""
@path
async def large(scope, receive, send):
    await start(send)
    for _ in range(int(scope["query_string"])):
        await body(send, bytes({PIECE}), True)
    await body(send)
@path
async def pid(scope, receive, send):
    await answer(send, os.getpid())
"""


def private_bytes(pid):
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(re.search(r"^Private_Dirty:\s+(\d+) kB", rollup, re.MULTILINE)[1])


class SlowReaderTest(unittest.TestCase):
    def look(self, program):
        """Memory of the worker while a client reads a response of 1 GiB bit by bit, and others are served."""
        with program as served:
            served.wait_ready()
            pid = int(served.get("/pid")[2])
            self.assertEqual(len(served.get("/large?1000")[2]), 1000 * PIECE)  # it has what it needs for any response
            before, most = private_bytes(pid), 0
            with served.connect_socket() as client:
                client.sendall(f"GET /large?{COUNT} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
                for _ in range(LOOKS):
                    client.recv(PIECE)
                    self.assertEqual(int(served.get("/pid")[2]), pid)
                    most = max(most, private_bytes(pid))
                    time.sleep(0.01)  # reads slowly
            # Two blocks, one of which goes out while the other is filled, and what else a process takes.
            self.assertLess(most - before, 2 * BUFFER + (1 << 20))
            self.assertEqual(served.stop(), 0)

    def test_wsgi(self):
        self.look(wsgi_program.program(WSGI, 1, stream_buffer=BUFFER))

    def test_wsgi_on_threads(self):
        self.look(wsgi_program.program(WSGI, 3, stream_buffer=BUFFER))

    def test_asgi(self):
        for loop in asgi_program.LOOPS:
            with self.subTest(loop=loop):
                self.look(asgi_program.program(ASGI, loop, stream_buffer=BUFFER))


if __name__ == "__main__":
    unittest.main()
