"""The C server behind a Server, and the functions of Python that C calls."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import weakref
from ctypes import c_void_p
from typing import Any

from . import sink
from ._header import E_INVALID, E_MEMORY
from ._library import lib
from .error import Error


class _CServer:
    """The C server, as an argument of its functions.

    It is freed with the last reference. A call that is going on has one, so that no thread sees it freed meanwhile.
    """

    __slots__ = ("_as_parameter_", "__weakref__")

    def __init__(self) -> None:
        address = lib.forker_server_new()
        if not address:
            raise Error(E_MEMORY)
        self._as_parameter_ = c_void_p(address)
        weakref.finalize(self, lib.forker_server_free, address)


class Callbacks:
    """Owns the C server and what it calls, and deals with what cannot leave through C."""

    def __init__(self) -> None:
        self._c: _CServer | None = _CServer()
        self._pid = os.getpid()
        # What C calls must outlive the server: a callback that Python has collected is a jump into freed memory.
        self._handlers: list[Any] = []
        self._callbacks: dict[str, Any] = {}
        self._own_hooks: dict[str, list[Any]] = {}  # of the package itself, by kind
        self._interrupt: BaseException | None = None  # to be raised when C returns
        self._opened = False  # the program polls: only a call of poll() brings the server on

    def _live(self) -> _CServer:
        c = self._c
        if c is None:
            raise Error(E_INVALID, "the server is closed")
        return c

    def _check(self, code: int) -> None:
        if code < 0:
            raise Error(code, (lib.forker_server_error(self._c) or b"").decode("utf-8", "replace"))

    def _expect(self, code: int, sentence: str) -> None:
        """The same for a call about which C has no sentence."""
        if code < 0:
            raise Error(code, sentence)

    def _check_setup(self, code: int) -> None:
        """As _check, for a call that has changed nothing: who catches the exception has handled the failure."""
        try:
            self._check(code)
        except Error:
            lib.forker_server_clear_error(self._c)
            raise

    def _register(self, kind: str, setter: Any, callback: Any) -> None:
        """Gives C one callback of a kind, then lets go of the one before."""
        before = self._callbacks.get(kind)
        self._callbacks[kind] = (before, callback)  # an exception may come at any time: C has one of the two
        code = setter(self._live(), callback, None)
        self._callbacks[kind] = callback if code == 0 else before
        self._check(code)

    def _contain(self, where: str, exc: BaseException) -> None:
        """Deals with an exception that cannot leave through C and cannot be logged.

        In the process that called run, KeyboardInterrupt and SystemExit come from the program's signal handlers: they
        stop the server, and run raises them.
        """
        if isinstance(exc, Exception) or os.getpid() != self._pid:
            write_exception(where, exc)
        else:
            self._interrupt_by(exc)

    def _contain_signal(self, where: str, exc: BaseException) -> None:
        """The same for what a signal's handler has raised: run raises that, whatever it is."""
        if os.getpid() != self._pid:
            write_exception(where, exc)
        else:
            self._interrupt_by(exc)

    def _interrupt_by(self, exc: BaseException) -> None:
        """Has run, or what else has called C, raise an exception when it returns."""
        self._interrupt = self._interrupt or exc
        if not self._opened:
            lib.forker_server_stop(self._c, 0)

    def _raise_interrupt(self) -> None:
        exc, self._interrupt = self._interrupt, None
        if exc is not None:
            raise exc


def write_exception(where: str, exc: BaseException) -> None:
    """Writes a traceback to stderr, if that takes it at once."""
    text = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
    with contextlib.suppress(OSError):
        sink.write(2, f"forker: {where}\n{text}".encode("utf-8", "backslashreplace"))


def flush() -> None:
    """Writes what Python holds back.

    A stream can be None, closed, a pipe that nobody reads, or what the program has put there.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
