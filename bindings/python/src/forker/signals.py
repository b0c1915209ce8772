"""Signals of the program that arrive while C runs.

Python calls a signal's handler between two of its own instructions: if C runs, at the first instruction of what C
calls next, before any ``try`` there. ctypes would print what the handler raises and give C whatever lies in memory as
the result. So around a call of C in which C calls Python, each handler is replaced by one that prevents this.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


def call_program(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the program, from within a ``try`` that deals with everything.

    Its frame tells the guard so.
    """
    return function(*arguments)


def call_c(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of C that calls Python, from within a function of the program.

    Its frame tells the guard that what is raised further in does not come out of here.
    """
    return function(*arguments)


class SignalGuard:
    """A context manager around calls of C.

    It does nothing but on the main thread, the only one where Python handles signals.
    ``contain`` is called with what a handler raised where nothing of the program runs. Forked processes inherit the
    guard.
    """

    def __init__(self, contain: Callable[[str, BaseException], None]) -> None:
        self._contain = contain
        self._caller: FrameType | None = None
        self._handlers: dict[int, _Guarded] = {}
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = _Guarded(handler, self)

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._caller = sys._getframe(1)
            for number, guarded in self._handlers.items():
                if signal.getsignal(number) is guarded.handler:
                    signal.signal(number, guarded)

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if self._caller is not None:
            self._caller = None
            for number, guarded in self._handlers.items():
                if signal.getsignal(number) is guarded:  # else the program has set another one meanwhile
                    signal.signal(number, guarded.handler)

    def _reaches(self, frame: FrameType | None) -> bool:
        """Whether what is raised in a frame comes to a ``try``, or out of the call of C."""
        if frame is self._caller:
            return True
        innermost = frame
        while frame is not None and frame is not self._caller:
            if frame.f_code is call_program.__code__:
                return True
            if frame.f_code is call_c.__code__ and frame is not innermost:
                return False
            frame = frame.f_back
        return frame is None


class _Guarded:
    """A signal's handler while C runs."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any], guard: SignalGuard) -> None:
        self.handler = handler
        self._guard = guard

    def __call__(self, number: int, frame: FrameType | None) -> None:
        try:
            self.handler(number, frame)
        except BaseException as exc:
            if self._guard._reaches(frame):
                raise
            self._guard._contain(f"the handler of signal {number} failed", exc)
