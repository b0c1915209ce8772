"""Timers, on the main thread of the process that serves."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import _header
from ._header import OK
from ._library import lib
from .signals import call_program

if TYPE_CHECKING:
    from .server import Server


class Timer:
    """What :meth:`Server.call_later` has begun. The server keeps it."""

    __slots__ = ("_server", "_function", "_repeats", "_key", "_number", "__weakref__")

    def __init__(self, server: Server, function: Callable[[], None], repeats: bool) -> None:
        """Made by the server only."""
        self._server, self._function, self._repeats = server, function, repeats
        self._key = next(_keys)
        self._number = 0
        _timers[self._key] = self

    def cancel(self) -> bool:
        """Ends it. False: it was called, or has ended. On the main thread the function is not called any more then."""
        ended = lib.forker_server_timer_cancel(self._server._live(), self._number) == OK
        self._server._timers.pop(self._key, None)
        return ended


# By the number that C gives back. C is given the function below, which lives as long as the module.
_timers: weakref.WeakValueDictionary[int, Timer] = weakref.WeakValueDictionary()
_keys = itertools.count(1)


@_header.TIMER_FN
def TIMED(server: int, number: int, key: int) -> None:
    timer = _timers.get(key)
    if timer is None:  # it was cancelled by another thread meanwhile
        return
    if not timer._repeats:
        timer._server._timers.pop(key, None)
    try:
        call_program(timer._function)
    except BaseException as exc:
        timer._server._report_failure("call_later: the function failed", exc)
