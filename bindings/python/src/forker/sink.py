"""Lines for files and pipes whose readers may have stopped: they hold nobody up, and are there as a whole or not at all."""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import mmap
import os
import select
import socket
import stat
import termios

_GET_PIPE_SIZE = 1032  # F_GETPIPE_SZ, which fcntl has from Python 3.10 on
_PIPE_BUF = select.PIPE_BUF
_libc = ctypes.CDLL(None, use_errno=True)
_libc.send.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int)
_libc.send.restype = ctypes.c_ssize_t


def write(fd: int, data: bytes) -> None:
    """Writes lines. Raises OSError for what could not be written: EAGAIN, if whoever reads does not keep up."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        _append(fd, data)
    elif stat.S_ISSOCK(mode):
        _expect(_send(fd, data), data)
    elif _has_room(fd, len(data)):
        _expect(_write_stream(fd, data), data)
    else:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _expect(written: int, data: bytes) -> None:
    if written != len(data):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def _send(fd: int, data: bytes) -> int:
    """send(2): a socket of Python's waits if the program has set a default timeout, and has others wait no more."""
    sent: int = _libc.send(fd, data, len(data), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    if sent < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, os.strerror(reason))
    return sent


def _append(fd: int, data: bytes) -> None:
    """A beginning for whose rest the disk has no room is taken back, unless others have written behind it."""
    done = 0
    try:
        while done < len(data):
            done += os.write(fd, data[done:])
    except OSError:
        end = os.lseek(fd, 0, os.SEEK_CUR)
        if done > 0 and os.fstat(fd).st_size == end:
            os.ftruncate(fd, end - done)
            os.lseek(fd, end - done, os.SEEK_SET)  # a file that was not opened to append would have a hole
        raise


def _write_stream(fd: int, data: bytes) -> int:
    """By a descriptor that does not block. Where there is no /proc, several writers at once can fill a pipe in between."""
    try:
        own = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        ready = select.poll()
        ready.register(fd, select.POLLOUT)
        return os.write(fd, data) if ready.poll(0) else 0
    try:
        return os.write(own, data)
    finally:
        os.close(own)


def _has_room(fd: int, size: int) -> bool:
    """A pipe takes up to PIPE_BUF bytes whole or not at all (pipe(7)). For more there are to be enough pages.

    Pages are not filled up: of two that follow each other it is only known that they hold more than one would.
    """
    if size <= _PIPE_BUF:
        return True
    try:
        capacity = fcntl.fcntl(fd, _GET_PIPE_SIZE)
        waiting = array.array("i", [0])
        fcntl.ioctl(fd, termios.FIONREAD, waiting)
    except OSError:  # no pipe
        return True
    return 2 * _pages(waiting[0]) + _pages(size) <= capacity // mmap.PAGESIZE


def _pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE)
