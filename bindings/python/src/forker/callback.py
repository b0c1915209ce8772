"""The C server behind a Server, and the functions of Python that C calls."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import weakref
from typing import Any

from ._library import lib
from .error import E_INVALID, E_MEMORY, Error


class Callbacks:
    """Owns the C server and what it calls, and deals with what cannot leave through C."""

    def __init__(self) -> None:
        address = lib.forker_server_new()
        if not address:
            raise Error(E_MEMORY)
        self._address: int | None = address
        self._release = weakref.finalize(self, lib.forker_server_free, address)
        self._pid = os.getpid()
        # What C calls must outlive the server: a callback that Python has collected is a jump into freed memory.
        self._handlers: list[Any] = []
        self._callbacks: dict[str, Any] = {}
        self._interrupt: BaseException | None = None

    def _live(self) -> int:
        if self._address is None:
            raise Error(E_INVALID, "the server is closed")
        return self._address

    def _check(self, code: int) -> None:
        if code < 0:
            raise Error(code, lib.forker_server_error(self._address).decode("utf-8", "replace"))

    def _register(self, kind: str, setter: Any, callback: Any) -> None:
        """Gives C one callback of a kind, then lets go of the one before."""
        self._check(setter(self._live(), callback, None))
        self._callbacks[kind] = callback

    def _contain(self, where: str, exc: BaseException) -> None:
        """Deals with an exception that cannot leave through C and cannot be logged.

        In the process that called run, KeyboardInterrupt and SystemExit come from the program's signal handlers: they
        stop the server, and run raises them.
        """
        if isinstance(exc, Exception) or os.getpid() != self._pid:
            text = "".join(traceback.format_exception(type(exc), exc, exc.__traceback__))
            with contextlib.suppress(OSError):
                os.write(2, f"forker: {where}\n{text}".encode("utf-8", "backslashreplace"))
        else:
            self._interrupt = self._interrupt or exc
            lib.forker_server_stop(self._address, 0)


def flush() -> None:
    """Writes what Python holds back. A stream can be None, closed, or a pipe that nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
