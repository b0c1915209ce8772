"""Lines for files, pipes and sockets that do not take them: nobody is held up, and no beginning of a line is left behind."""

import contextlib
import ctypes
import errno
import fcntl
import os
import random
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from forker import sink
from program import TIMEOUT

LIMIT = 100  # bytes that the file may have
LINES = 100_000  # more than pipes and sockets hold
SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ, which fcntl has from Python 3.10 on
CAPI = Path(__file__).resolve().parents[3] / "capi"  # of which the library's own sink is


def waits(signum, frame):
    raise AssertionError("it waits")


class SinkTest(unittest.TestCase):
    def test_the_beginning_of_a_line_is_taken_back(self):
        for flags in (0, os.O_APPEND):
            with self.subTest(flags=flags), tempfile.NamedTemporaryFile() as file:
                fd = os.open(file.name, os.O_WRONLY | flags)
                self.addCleanup(os.close, fd)
                before = resource.getrlimit(resource.RLIMIT_FSIZE)
                resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
                try:
                    sink.write(fd, b"first\n")
                    with self.assertRaises(OSError) as caught:
                        sink.write(fd, LIMIT * b"x" + b"\n")
                finally:
                    resource.setrlimit(resource.RLIMIT_FSIZE, before)
                self.assertEqual(caught.exception.errno, errno.EFBIG)
                sink.write(fd, b"second\n")
                self.assertEqual(file.read(), b"first\nsecond\n")

    def expect_whole_lines(self, fd, read, size=99):
        """Writes until there is no room, which takes no time, and reads what was taken."""
        self.addCleanup(signal.signal, signal.SIGALRM, signal.signal(signal.SIGALRM, waits))
        self.addCleanup(signal.alarm, 0)
        signal.alarm(TIMEOUT)
        line = size * b"x" + b"\n"
        taken = 0
        with self.assertRaises(BlockingIOError):
            for _ in range(LINES):
                sink.write(fd, line)
                taken += 1
        self.assertTrue(os.get_blocking(fd))  # others have it too
        os.close(fd)
        received = b"".join(iter(lambda: read(65536), b""))
        self.assertEqual(received, taken * line)

    def test_a_pipe_that_nobody_reads_holds_nobody_up(self):
        for size in (99, select.PIPE_BUF + 1000, 30_000):  # what a pipe takes at once, and what it may cut
            with self.subTest(size=size):
                ours, theirs = os.pipe()
                self.addCleanup(os.close, ours)
                self.expect_whole_lines(theirs, lambda room, ours=ours: os.read(ours, room), size)

    def test_a_socket_that_nobody_reads_holds_nobody_up(self):
        for timeout in (None, 600):  # what programs ask for their own sockets
            with self.subTest(timeout=timeout):
                ours, theirs = socket.socketpair()
                self.addCleanup(ours.close)
                socket.setdefaulttimeout(timeout)
                try:
                    self.expect_whole_lines(theirs.detach(), ours.recv)
                finally:
                    socket.setdefaulttimeout(None)

    def test_a_reader_that_has_left_is_told(self):
        ours, theirs = os.pipe()
        os.close(ours)
        self.addCleanup(os.close, theirs)
        with self.assertRaises(BrokenPipeError):
            sink.write(theirs, b"line\n")
        ours, theirs = socket.socketpair()
        ours.close()
        with theirs, self.assertRaises(BrokenPipeError):
            sink.write(theirs.fileno(), b"line\n")


class Sink(ctypes.Structure):
    """fk_sink."""

    _fields_ = (("fd", ctypes.c_int), ("aside", ctypes.c_int))


class SameTest(unittest.TestCase):
    """The library's log takes the same lines, whichever pipe it is: its sink is built by itself."""

    @classmethod
    def setUpClass(cls):
        if shutil.which("cc") is None or not CAPI.is_dir():
            raise unittest.SkipTest("there is no compiler, or no source of the library")
        with tempfile.TemporaryDirectory() as directory:
            built = Path(directory, "sink.so")
            sources = [CAPI / "log/sink.c", CAPI / "base/descriptor.c"]
            command = ["cc", "-shared", "-fPIC", "-D_GNU_SOURCE", "-I", CAPI, "-I", CAPI.parent / "include", "-o", built]
            subprocess.run([*command, *sources], check=True)
            cls.library = ctypes.CDLL(str(built), use_errno=True)
        cls.library.fk_sink_write.argtypes = (Sink, ctypes.c_char_p, ctypes.c_size_t)
        cls.library.fk_sink_write.restype = ctypes.c_size_t

    def write_by_c(self, fd, line):
        aside = self.library.fk_sink_open_aside(fd)
        taken = self.library.fk_sink_write(Sink(fd, aside), line, len(line))
        reason = ctypes.get_errno()
        if aside >= 0:
            os.close(aside)
        if taken != len(line):
            self.assertEqual(taken, 0)
            raise OSError(reason, os.strerror(reason))

    def carry_out(self, write, steps, size, blocks):
        """What becomes of lines, given by their length, and what is read in between, given by minus its length."""
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, SET_PIPE_SIZE, size)
        os.set_blocking(ours, False)
        os.set_blocking(theirs, blocks)
        seen = []
        for length in [*steps, *[-size] * 2]:
            try:
                seen.append(os.read(ours, -length) if length < 0 else write(theirs, (length - 1) * b"x" + b"\n"))
            except OSError as exc:
                seen.append(exc.errno)
        os.close(ours)
        with contextlib.suppress(OSError):
            write(theirs, b"nobody reads\n")
            seen.append("taken")
        os.close(theirs)
        return seen

    def test_pipes(self):
        lengths = (1, 100, 2000, *(select.PIPE_BUF + more for more in (-1, 0, 1, 1000)), 8192, 20_000, 65_536, 70_000)
        for seed in range(200):
            chance = random.Random(seed)
            size, blocks = chance.choice((4096, 65_536)), chance.random() < 0.5
            steps = [chance.choice(lengths) * (-1 if chance.random() < 0.15 else 1) for _ in range(60)]
            with self.subTest(seed=seed, size=size, blocks=blocks):
                expected = self.carry_out(self.write_by_c, steps, size, blocks)
                self.assertEqual(self.carry_out(sink.write, steps, size, blocks), expected)
                self.assertNotIn("taken", expected)


if __name__ == "__main__":
    unittest.main()
