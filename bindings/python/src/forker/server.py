"""The server: how it is made, serves, and ends."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import math
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _header
from ._header import E_AGAIN, E_PROCESS, E_STATE, OK
from ._library import lib
from .callback import flush
from .error import Error
from .log import LogFunction, Logger
from .signals import SignalGuard
from .state import forget
from .steering import Steering

if TYPE_CHECKING:
    from .asgi.loop import Loop

_SERVES = 1  # of forker_server_poll()
_WAIT_MS = 100  # how long wait() and poll() keep a signal from Python's handler


def version() -> str:
    """The version of the C library that is loaded, such as "0.1.0"."""
    return lib.forker_version().decode()


class Server(Steering):
    """A server: its options, routes, hooks and listening sockets.

    ``workers`` and the other options are those of :func:`forker.options`, as text in C's form ("64k", "10s") or
    as Python values: bool for on and off, int or float for a duration in seconds, int for numbers, sizes and
    modes. None leaves an option as it is. The environment wins: FORKER_WORKERS=4 overrides ``workers``. ``log``
    is described at :meth:`set_log`.

    A server belongs to the thread that made it; only what says "any thread" may be called from elsewhere. A call that C
    refuses raises :class:`forker.Error`, and C remembers a failed setup call: :meth:`run` then refuses to start.

    The server releases its sockets when :meth:`close` is called, at the end of a ``with`` block, or when it is
    collected. One that was started is stopped before; it is not collected while it serves.
    """

    def __init__(
        self,
        workers: int | str | None = None,
        *,
        log: Logger | LogFunction | None = None,
        **options: str | int | float | bool | None,
    ) -> None:
        super().__init__()
        self._running = False
        self._guard: SignalGuard | None = None  # of poll()
        self._loop: Loop | None = None  # of its ASGI applications
        self._check(lib.forker_server_slot(self._live(), forget))
        self._register("fork", lib.forker_server_set_fork, _header.FORK_FN(self._fork))
        # Registered even if the program has no such hook: it flushes what the program has printed, and workers leave
        # by _exit(2), which does not.
        self._set_hook("worker_exit", lambda worker: None)
        if log is not None:
            self.set_log(log)
        for name, value in {"workers": workers, **options}.items():
            if value is not None:
                self.set_option(name, value)

    def run(self) -> None:
        """Serves until stopped: by SIGTERM or SIGQUIT (gracefully), SIGINT (at once), or :meth:`stop`.

        Forks by os.fork(), so that functions of os.register_at_fork() are called. Only the calling thread goes
        on in the workers: if there are others, the library warns. After a stop it returns, in the calling
        process only, also after Ctrl-C: that raises no KeyboardInterrupt here. Python's signal handlers are in
        place again, and the server can be run once more.

        Python calls no signal handler while C runs. With option handle_signals=off, SIGINT therefore takes effect
        when the library next calls Python in this process, such as :meth:`master_tick`'s function every second: the
        server is stopped, and run raises what the handler raised.

        Raises Error (E_SETUP: an earlier setup call failed; E_STATE: running, or no route or listening socket;
        E_BOOT: no worker became ready; E_THREADS, E_PROCESS, E_ADDRESS, E_SYSTEM, E_MEMORY).
        """
        self._begin()
        self._running = True
        codes: list[int] = []
        try:
            with SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(lib.forker_server_run, [(self._live(),)]))
        finally:
            self._running = False
        self._raise_interrupt()
        self._check(codes[0])

    def start(self) -> None:
        """Serves like :meth:`run`, but returns as soon as the server is up; :meth:`stop` and :meth:`wait` end it.

        With workers, the process that forks them is a child of this one, and they end when this process does. With
        workers=0 a thread of this process serves, on which the handlers and hooks are called; Python's signal handlers
        stay with the main thread. Any number of servers can be started.

        Raises Error as run() does; E_BOOT also if the hook worker_init raised with workers=0.
        """
        self._serve(lib.forker_server_start)

    def _begin(self) -> None:
        """Checks that the server can begin to serve."""
        self._live()
        if self._running:
            raise Error(E_STATE, "the server is running already")
        if self in _serving:
            raise Error(E_STATE, "the server was started already: wait for its end first")
        self._interrupt = None
        self._timers.clear()  # they have ended with the run before

    def _serve(self, function: Callable[..., int]) -> None:
        """Has C serve while the program goes on."""
        self._begin()
        codes: list[int] = []
        _serving.add(self)
        try:
            with SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(function, [(self._live(),)]))  # as in _fork
        finally:
            if codes != [OK]:
                _serving.discard(self)
        if codes != [OK]:
            self._raise_interrupt()
        self._check(codes[0])

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end of a server that was started, for at most so many seconds; None is as long as it takes.

        True: it has ended after a stop, and can be set up and started again. False: it still serves. It does not stop
        the server; KeyboardInterrupt may leave it at any time. Any thread, one at a time.

        Raises Error (E_STATE: it was not started, or the thread that serves calls; else why the server has ended).
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            code = self._wait(_slice_ms(until - time.monotonic()))
            if code == E_AGAIN and time.monotonic() < until:
                continue
            if code == E_AGAIN:
                return False
            if code == OK:
                self._raise_interrupt()
            self._check(code)
            return True

    def _wait(self, timeout_ms: int) -> int:
        codes: list[int] = []
        try:
            codes.extend(itertools.starmap(lib.forker_server_wait, [(self._live(), timeout_ms)]))  # as in _fork
        finally:
            if codes and codes[0] not in (E_AGAIN, E_STATE):
                _serving.discard(self)
        return codes[0]

    def open(self) -> None:
        """Makes a server with workers=0 ready to serve on an event loop of the program's own, and returns.

        From then on it lives on calls of :meth:`poll`, when :meth:`poll_fd` can be read: with selectors
        ``selector.register(server, EVENT_READ)``, with asyncio ``loop.add_reader(server, on_readable)``. All hooks and
        handlers that are not pooled are called from within open() and poll(), on the calling thread. Signals are left
        alone. :meth:`stop` asks it to end, which takes calls of poll() too.

        Raises Error as start() does; E_OPTION if workers is not 0.
        """
        self._opened = True
        try:
            self._serve(lib.forker_server_open)
        finally:
            self._opened = self in _serving
        self._guard = SignalGuard(self._contain_signal)

    def poll_fd(self) -> int:
        """A descriptor that can be read whenever :meth:`poll` has something to do. It stays the library's.

        Nothing may be done to it but waiting. When poll() says that the server has ended it is closed: take it out of
        the loop before another file gets its number. Raises Error (E_STATE: not open; E_PROCESS: another process).
        """
        fd = lib.forker_server_poll_fd(self._live())
        self._check(fd)
        return fd

    def fileno(self) -> int:
        """:meth:`poll_fd`, under the name that selectors and asyncio look for."""
        return self.poll_fd()

    def poll(self, timeout: float | None = 0) -> bool:
        """Does what there is to do for a server that is open, and returns after one round.

        If there is nothing, it waits for up to so many seconds; None is without limit. It may return earlier, and
        does so about ten times a second to let Python's signal handlers be called. Any thread, one at a time.

        True: it serves. False: it has ended after a stop, and can be set up and opened again. Raises what a signal's
        handler raised meanwhile, or KeyboardInterrupt from a handler or hook, or SystemExit from a hook: the server is
        then still open. Raises Error (E_STATE: not open, or called by a handler or hook; E_PROCESS; else why it has
        ended).
        """
        if timeout is None:
            timeout = math.inf
        codes: list[int] = []
        try:
            with self._guard or SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(lib.forker_server_poll, [(self._live(), _slice_ms(timeout))]))
        finally:
            if codes and codes[0] not in (_SERVES, E_STATE, E_PROCESS):
                self._opened = False
                _serving.discard(self)
        self._raise_interrupt()
        self._check(codes[0])
        return codes[0] == _SERVES

    def close(self) -> None:
        """Releases the server and closes its sockets. Again, or in another process, it does nothing.

        One that was started or opened is stopped at once, and its end waited for. If another thread is in a call of
        this server, that call's end releases it. Raises Error (E_STATE: in run(), or called by the thread that serves,
        or by a handler of a server that is open).
        """
        if os.getpid() != self._pid:
            return
        if self._running:
            raise Error(E_STATE, "the server is running: stop it first")
        if self in _serving:
            code = lib.forker_server_poll_fd(self._live()) if self._opened else self._wait(0)
            if code == E_STATE:
                raise Error(E_STATE, "the server cannot be closed by the thread that serves")
            self.stop(0)
            with contextlib.suppress(Error):  # why it has ended does not matter any more
                self._wait_for_end()
        self._c = None

    def _wait_for_end(self) -> None:
        if self in _serving and not self._opened:
            self.wait()
        while self._opened and self.poll(None):
            pass

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        """Stops a server that was started or opened: within option drain_timeout, or after an exception at once.

        Then closes it.
        """
        try:
            if self in _serving and os.getpid() == self._pid:
                self.stop(None if kind is None else 0)
                self._wait_for_end()
        finally:
            self.close()

    # ------------------------------------------------------------------------------------------- called by C

    def _fork(self, user: int | None) -> int:
        """os.fork() for C: 0 in the child, the child's pid in the parent, -1 and errno if it failed."""
        pids: list[int] = []
        try:
            if self._interrupt is not None:
                lib.forker_server_stop(self._c, 0)  # the exception may have come before there was a run to stop
                raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
            flush()  # or else what is held back now is written by every child once more
            # starmap calls os.fork and extend keeps its result without bytecode between the two, where a signal's
            # Python handler could raise: a child that lives must never be reported as a failure.
            pids.extend(itertools.starmap(os.fork, [()]))
        except OSError as exc:
            ctypes.set_errno(exc.errno or errno.EAGAIN)
        except BaseException as exc:
            self._contain("fork was interrupted", exc)
            ctypes.set_errno(errno.EINTR)
        return pids[0] if pids else -1


# Servers that were started or opened and have not ended: nobody else may hold them, and C calls them.
_serving: set[Server] = set()


def _slice_ms(timeout: float) -> int:
    """For how long C may wait, of so many seconds."""
    return math.ceil(min(max(timeout, 0) * 1000, _WAIT_MS))
