"""A server program that runs as a process of its own, for tests to talk to and to stop.

Everything a test waits for is an event: a line of the program's output, a response, the end of a process. The
timeouts are failures, not waits.
"""

import contextlib
import functools
import http.client
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

TIMEOUT = 30  # seconds; an event that takes longer is taken for one that never comes

_IS_OWN = "TESTS_IN_OWN_PROCESS"  # a variable of the environment, see in_own_process()

# Every program starts with this: make_server() gives a server whose workers print a line when they serve.
PROLOGUE = """
import os, signal, sys
import forker

signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, if a shell runs the tests in the background
def told(*what):
    os.write(1, (" ".join(map(str, what)) + "\\n").encode())  # one write: workers share the pipe
def make_server(workers=1, **options):
    server = forker.Server(workers=workers, **options)
    server.listen("127.0.0.1:0")
    @server.worker_init
    def announce(worker):
        told("ready", server.address(0))
    return server
"""

# Behind it, in programs that respond later: a thread of the worker does what handlers put into a queue.
# SERVE_WITH_THREAD comes last.
THREAD = """
import gc, queue, threading, time, weakref
jobs = queue.Queue()
def work():
    for job in iter(jobs.get, None):
        try:
            job()
        except Exception as exc:
            print("job raised", repr(exc), flush=True)
def start_thread(worker):
    threading.Thread(target=work, daemon=True).start()
    told("ready", server.address(0))
def reasons(deferred):
    deferred.on_close(lambda reason: told("closed", reason))
def watch_client(deferred):
    gone = threading.Event()
    @deferred.on_close
    def closed(reason):
        told("closed", reason)
        gone.set()
    return gone
"""

SERVE_WITH_THREAD = """
server.worker_init(start_thread)
server.run()
"""


def each_mode(test):
    """Runs a test with a forked worker, and in the program's own process."""

    def run(self):
        for workers in (1, 0):
            with self.subTest(workers=workers):
                test(self, f"server = make_server(workers={workers}, half_close=False)\n")

    return run


def in_own_process(case):
    """Has each test of a case run in a process of its own: one in which Go runs can fork no workers, as other tests want."""
    if _IS_OWN not in os.environ:
        for name in unittest.defaultTestLoader.getTestCaseNames(case):
            setattr(case, name, _run_elsewhere(getattr(case, name)))
    return case


def _run_elsewhere(test):
    @functools.wraps(test)
    def run(self):
        module = os.path.splitext(os.path.basename(test.__code__.co_filename))[0]
        done = subprocess.run(
            [sys.executable, *(f"-W{option}" for option in sys.warnoptions), "-m", "unittest", f"{module}.{test.__qualname__}"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), _IS_OWN: "1"},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Ran 1 test", done.stderr)

    return run


def read_to(connection, end):
    """What comes up to some bytes, inclusive."""
    received = b""
    while not received.endswith(end):
        data = connection.recv(65536)
        if not data:
            raise AssertionError(f"the connection ended behind {received!r}")
        received += data
    return received


class _Lines:
    """The lines of one of the program's streams. Its end comes when no process holds the stream any more."""

    def __init__(self, stream):
        self.seen = []
        self._coming = queue.Queue()
        self._stream = stream
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with self._stream:
            for line in self._stream:
                self._coming.put(line.rstrip("\n"))
        self._coming.put(None)

    def wait_for(self, text):
        """The first line from here on that contains the text."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                line = self._coming.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"no line with {text!r} came; there were {self.seen}") from None
            if line is None:
                self._coming.put(None)
                raise AssertionError(f"the stream ended without a line with {text!r}; there were {self.seen}")
            self.seen.append(line)
            if text in line:
                return line

    def wait_for_end(self):
        """All lines, once every process that could write more is gone."""
        self._thread.join(TIMEOUT)
        if self._thread.is_alive():
            raise AssertionError("a process of the program is left behind and holds its output open")
        while (line := self._coming.get()) is not None:
            self.seen.append(line)
        self._coming.put(None)
        return self.seen


class Program:
    """Runs `source`, after the prologue, in a process group of its own.

    As a context manager it makes sure that the program has ended, by stop() or by itself, and left no process.
    """

    def __init__(self, source, environment=None):
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in ("FORKER_LIBRARY", "FORKER_ACCEL") or not name.startswith(("FORKER_", "PYTHON"))
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + source],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**inherited, "PYTHONPATH": os.pathsep.join(sys.path), **(environment or {})},
        )
        self.pid = self._process.pid
        self.out = _Lines(self._process.stdout)
        self.log = _Lines(self._process.stderr)
        self.address = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.wait()
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(TIMEOUT)
        print("\n".join(["program's log:", *self.log.wait_for_end()]), file=sys.stderr)

    def wait_ready(self, workers=1):
        """Waits until that many workers serve."""
        for _ in range(workers):
            self.address = self.out.wait_for("ready ").split()[1]
        return self

    def connect(self):
        """A new connection, to be closed by the caller."""
        return http.client.HTTPConnection(self.address, timeout=TIMEOUT)

    def connect_socket(self):
        """The same for bytes as they are."""
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host, int(port)), TIMEOUT)

    def raw(self, text):
        """What comes for a request that is sent as it is, up to the end of the connection."""
        with self.connect_socket() as connection, connection.makefile("rb") as stream:
            connection.sendall(text)
            return stream.read()

    def request(self, method, target, body=None, headers=None):
        """One request on a connection of its own. Returns status, headers and body."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def get(self, target, headers=None):
        return self.request("GET", target, headers=headers)

    def send_signal(self, number=signal.SIGTERM):
        self._process.send_signal(number)

    def send_signal_to_all(self, number):
        """Sends a signal to every process of the program, as a terminal does on Ctrl-C."""
        os.killpg(self.pid, number)

    def stop(self, number=signal.SIGTERM):
        """Sends the signal and waits for the end. Returns the exit status."""
        self.send_signal(number)
        return self.wait()

    def wait(self):
        """Waits for the end, and for that of every process it forked. Returns the exit status."""
        try:
            status = self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the program does not end; its log: {self.log.seen}") from None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, 0)
            raise AssertionError("the program has ended, and left a process behind")
        self.out.wait_for_end()
        self.log.wait_for_end()
        return status
