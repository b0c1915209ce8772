"""What is asked of a server that runs: to stop, to call something later, what it is doing."""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Callable

from . import _header
from ._header import E_INVALID, OK, CStats, CWorkerStats
from ._library import c_number, c_text, lib
from .deferred import Report
from .error import Error
from .routing import Routing
from .signals import call_program
from .stats import Stats, WorkerStats, stats_of, worker_stats_of
from .timer import TIMED, Timer


class Steering(Routing):
    """What can be asked of a server while it runs, by handlers too."""

    def __init__(self) -> None:
        super().__init__()
        self._timers: dict[int, Timer] = {}  # of this run, by the number that C gives back

    def stop(self, timeout: float | None = None) -> None:
        """Asks a running server to stop; returns without waiting. If it is not running, the next run ends at once.

        `timeout` is how many seconds requests in flight may take before they are cut off: 0 is at once, None is
        option drain_timeout. A later call can only shorten it. Any thread and any process of the tree, so also
        a handler. Raises ValueError for a negative time.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"stop: {timeout} is not a time")
        if self._c is not None:
            longest = 24 * 60 * 60  # seconds, the most that option drain_timeout takes
            milliseconds = -1 if timeout is None else math.ceil(min(timeout, longest) * 1000)
            self._check(lib.forker_server_stop(self._c, milliseconds))

    def reload(self) -> None:
        """Asks a running server to replace its workers, one at a time, without losing a request; does not wait.

        The file of :meth:`load` is read again and :meth:`on_reload`'s function called first. Any thread and any process
        of the tree. Raises Error (E_STATE: not running, or workers=0; E_PRIVILEGE, as reopen() and upgrade() do: a
        worker that has given up root, and option worker_commands is off).
        """
        self._ask(lib.forker_server_reload)

    def scale(self, change: int) -> None:
        """Asks a running server for so many workers more, or fewer if negative; never fewer than one. As reload()."""
        self._ask(lib.forker_server_scale, c_number(change))

    def drain(self) -> None:
        """Asks a running server to drain all workers and wait for reload() or scale() to start them. As reload()."""
        self._ask(lib.forker_server_drain)

    def reopen(self) -> None:
        """Asks every process of a running server to open its log files anew. As reload(), and with workers=0 too."""
        self._ask(lib.forker_server_reopen)

    def upgrade(self) -> None:
        """Asks a running server to start the program anew, and to leave once that serves. As reload()."""
        self._ask(lib.forker_server_upgrade)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Has a function called on the main thread of this process, in the next turn of its loop: forker_server_post().

        It is the way from any thread to where the handlers run, and for a handler to go on with something later, without
        holding up others. Functions are called in the order in which they were posted. What one raises is logged.

        Any thread of a process that serves, from the hook worker_ready on. Raises Error (E_STATE: this process does not
        serve, or not any more; E_PROCESS: it was forked off one that does).
        """
        key = next(_keys)
        _posted[key] = (self._report_failure, function)
        code = lib.forker_server_post(self._live(), _POSTED, key)
        if code != OK:
            del _posted[key]
            raise Error(code)

    def call_later(self, delay: float, function: Callable[[], None], *, every: float | None = None) -> Timer:
        """Has a function called on the main thread of this process after so many seconds: forker_server_timer().

        With `every`, again and again from then on, until :meth:`Timer.cancel` or the end of the server. What it raises is
        logged. Any thread of a process that serves, from the hook worker_ready on. Raises ValueError (a time below 1 ms
        for `every`), Error (E_INVALID: negative, or more than ten years; E_STATE: this process does not serve; E_PROCESS).
        """
        if every is not None and every < 0.001:
            raise ValueError(f"every is 0.001 or more, not {every}")
        times = (_timer_ms(delay), 0 if every is None else _timer_ms(every))
        timer = Timer(self, function, every is not None)
        self._timers[timer._key] = timer
        number = lib.forker_server_timer(self._live(), *times, TIMED, timer._key)
        if number < 0:
            del self._timers[timer._key]
            raise Error(number)
        timer._number = number
        return timer

    def _ask(self, function: Callable[..., int], *arguments: int) -> None:
        code = function(self._live(), *arguments)
        if code != OK:
            raise Error(code)

    def cookie_sign(self, name: str, value: str) -> str:
        """Signs the value of a cookie by the first key of option cookie_keys, so that a client cannot make one.

        What is returned is the value for :meth:`Response.set_cookie`: it can still be read, and used by whoever has it. Any
        thread of a process that serves. Raises ValueError, Error (E_INVALID: not a name or value of cookies; E_STATE: option
        cookie_keys is empty; E_PROCESS).
        """
        signed = ctypes.create_string_buffer(len(value.encode()) + _SIGNATURE)
        code = lib.forker_cookie_sign(self._live(), c_text(name), c_text(value), signed, len(signed))
        self._expect(code, f"cookie_sign {name}: {lib.forker_strerror(code).decode()}")
        return signed.value.decode()

    def cookie_verify(self, name: str, text: str) -> str | None:
        """The value of such a text, if it was signed for this name by one of the keys; else None. Raises as cookie_sign()."""
        value = ctypes.create_string_buffer(len(text.encode()) + 1)
        code = lib.forker_cookie_verify(self._live(), c_text(name), c_text(text), value, len(value))
        if code == E_INVALID:
            return None
        self._expect(code, f"cookie_verify {name}: {lib.forker_strerror(code).decode()}")
        return value.value.decode()

    def stats(self) -> Stats:
        """The figures of the server; between runs those of the last one.

        Any thread and any process of the tree. Raises Error (E_STATE: never run).
        """
        c = CStats(size=ctypes.sizeof(CStats))
        self._expect(lib.forker_server_stats(self._live(), ctypes.byref(c)), "stats: the server was never run")
        return stats_of(c)

    def worker_stats(self, index: int) -> WorkerStats:
        """The figures of worker number `index`, from 0 to ``stats().slots`` - 1.

        Any thread and any process of the tree. Raises IndexError beyond the last one, Error (E_STATE: never run).
        """
        c = CWorkerStats(size=ctypes.sizeof(CWorkerStats))
        code = lib.forker_server_worker_stats(self._live(), index, ctypes.byref(c)) if index >= 0 else E_INVALID
        if code == E_INVALID:
            raise IndexError(f"there is no worker {index}")
        self._expect(code, "worker_stats: the server was never run")
        return worker_stats_of(c)


_SIGNATURE = 64  # bytes that a signature takes at most, with the NUL behind it

# What was posted, by the number that C gives back. C is given the function below, which lives as long as the module.
_posted: dict[int, tuple[Report, Callable[[], None]]] = {}
_keys = itertools.count(1)


@_header.POST_FN
def _POSTED(server: int, key: int) -> None:
    report, function = _posted.pop(key)
    try:
        call_program(function)
    except BaseException as exc:
        report("call_soon: the function failed", exc)


def _timer_ms(seconds: float) -> int:
    """The same for C's timers, which refuse what is more than ten years."""
    return math.ceil(min(seconds, 1e12) * 1000)
