"""Free-threaded Pythons, as far as some are here: the package works by ctypes, and threads run at the same time."""

import contextlib
import glob
import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

import asgi_program
import forker
import wsgi_program

THREADS = 4
LIMIT = 300  # seconds for what runs in another Python
# Threads of one worker that count at the same time.
WSGI = f"""
begun = threading.Barrier({THREADS})
@path
def count(environ, start_response):
    begun.wait(30)
    start(start_response)
    return [f"{{is_free()}} {{sum(range(100_000))}}".encode()]
def is_free():
    return not sys._is_gil_enabled()
"""
ASGI = """
@path
async def look(scope, receive, send):
    await answer(send, not sys._is_gil_enabled())
"""
# Tests that threads and loops are in, which are run by each of those Pythons.
WITHIN = ["test_free_threaded.FreeThreadedTest", "test_wsgi_response.ThreadTest", "test_asgi", "test_deferred"]


def is_free_threaded():
    return not getattr(sys, "_is_gil_enabled", lambda: True)()


def free_threaded():
    """Those that are here: in PATH, and pyenv's."""
    names = [shutil.which(f"python3.{minor}t") for minor in range(13, 20)]
    names += glob.glob(os.path.expanduser("~/.pyenv/versions/*t/bin/python3"))
    ask = "import sys; sys.exit(getattr(sys, '_is_gil_enabled', lambda: True)())"
    found = sorted({os.path.realpath(name) for name in names if name})
    return [python for python in found if subprocess.run([python, "-c", ask], check=False).returncode == 0]


@unittest.skipUnless(is_free_threaded(), "this Python is not free-threaded")
class FreeThreadedTest(unittest.TestCase):
    def test_threads_of_wsgi(self):
        with wsgi_program.program(WSGI, THREADS) as served, contextlib.ExitStack() as stack:
            served.wait_ready()
            clients = [stack.enter_context(contextlib.closing(served.connect())) for _ in range(THREADS)]
            for _ in range(20):
                for client in clients:
                    client.request("GET", "/count")
                for client in clients:
                    self.assertEqual(client.getresponse().read(), b"True 4999950000")
            self.assertEqual(served.stop(), 0)

    def test_asgi(self):
        with asgi_program.program(ASGI) as served:
            served.wait_ready()
            self.assertEqual(served.get("/look")[2], b"True")
            self.assertEqual(served.stop(), 0)


@unittest.skipIf(os.environ.get("FORKER_ACCEL") == "1", "a free-threaded Python has no forker._accel")
class EachTest(unittest.TestCase):
    @unittest.skipUnless(free_threaded(), "there is no free-threaded Python here, such as python3.13t")
    def test_tests_pass(self):
        for python in free_threaded():
            environment = {**os.environ, "PYTHONPATH": str(Path(forker.__file__).parents[1])}
            command = [python, "-m", "unittest", *WITHIN]
            here = Path(__file__).resolve().parent
            done = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False)
            self.assertEqual(done.returncode, 0, f"{python}: {done.stderr}")
            self.assertNotIn("skipped", done.stderr, python)


if __name__ == "__main__":
    unittest.main()
