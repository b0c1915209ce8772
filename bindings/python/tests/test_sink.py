"""Lines for files, pipes and sockets that do not take them: nobody is held up, and no beginning of a line is left behind."""

import errno
import os
import resource
import select
import signal
import socket
import tempfile
import unittest

from forker import sink
from program import TIMEOUT

LIMIT = 100  # bytes that the file may have
LINES = 100_000  # more than pipes and sockets hold


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


if __name__ == "__main__":
    unittest.main()
