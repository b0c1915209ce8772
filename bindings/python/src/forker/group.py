"""Groups of routes: a prefix, options, and functions around the handlers."""

from __future__ import annotations

import ctypes
import inspect
import os
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _library
from ._library import c_text, lib
from .option import option_text
from .request import Request
from .response import NEXT
from .route import Handler, Routes, names_of
from .signals import call_program

if TYPE_CHECKING:
    from .server import Server


class Outcome(NamedTuple):
    """How a request has ended: the response's status (0: there was none), why (CLOSE_DONE ...), sizes of the bodies, time."""

    status: int
    reason: int
    bytes_in: int
    bytes_out: int
    seconds: float


class _COutcome(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("status", ctypes.c_int32),
        ("reason", ctypes.c_int32),
        ("pad", ctypes.c_uint32),
        ("bytes_in", ctypes.c_uint64),
        ("bytes_out", ctypes.c_uint64),
        ("ns", ctypes.c_uint64),
    )


class Group(Routes):
    """Routes below a prefix, made by :meth:`Server.group` or :meth:`Group.group`."""

    def __init__(self, server: Server, c: int, prefix: str, options: dict[str, Any]) -> None:
        self._server = server
        self._c = ctypes.c_void_p(c)
        self._prefix = prefix
        for name, value in options.items():
            server._check_setup(lib.forker_group_set(self._c, c_text(name), c_text(option_text(name, value))))

    def group(self, prefix: str = "", **options: str | int | float | bool) -> Group:
        """A group inside of this one; its prefix comes behind that of this one. As :meth:`Server.group`."""
        return self._server._make_group(lib.forker_group_group, self._c, self._prefix, prefix, options)

    def route(
        self, methods: str | Sequence[str], pattern: str, **options: str | int | float | bool
    ) -> Callable[[Handler], Handler]:
        """Decorates a function like :meth:`Server.route`, with the prefix before `pattern`, which may be ""."""
        return self._server._route(self._c, self._prefix, methods, pattern, options)

    def static(self, prefix: str, directory: str | os.PathLike[str], **options: str | int | float | bool) -> None:
        """Serves the files of a directory as :meth:`Server.static`, below the prefix of the group and behind its functions."""
        self._server._static(lib.forker_group_static, self._c, prefix, directory, options)

    def use(self, function: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Decorates a function that is called before the handlers of the group, and of those inside of it.

        It gets the :class:`forker.Request`, and returns None to go on, or what a handler returns, to answer. With a
        ``yield`` in it, it goes on there, and gets the :class:`forker.Outcome` from that when the request has ended; what
        it returns before the yield, other than None, answers. Behind the yield the request is over: what is needed of it
        is to be kept before.

        Whatever is below the prefix comes to it, also if it has no route, see forker_group_use() of forker.h; so a check
        cannot be passed by. For a request with a body it is called at the head, before the body is read. ``request.state``
        is for what it finds out. If it raises, the client sees a 500.
        """
        running: dict[int, Generator[None, Outcome, Any]] = {}  # by the address of the request
        begins = _generator(function, running) if inspect.isgeneratorfunction(function) else _plain(function)
        server, names = self._server, names_of(self._prefix)

        def before(address: int, user: int | None) -> int:
            def handler(request: Request) -> Any:
                return begins(address, request)

            return server._handle(handler, Request(address, names, server._log_exception, server._take), address)

        def done(address: int, outcome: int, user: int | None) -> None:
            generator = running.pop(address, None)
            if generator is not None:
                _finish(server, generator, _COutcome.from_address(outcome))

        c_done = _library.DONE_FN(done) if inspect.isgeneratorfunction(function) else _library.DONE_FN(0)
        callbacks = (_library.HANDLER(before), c_done)
        server._handlers.append(callbacks)
        server._check_setup(lib.forker_group_use(self._c, *callbacks, None))
        return function


def _plain(function: Callable[[Request], Any]) -> Callable[[int, Request], Any]:
    def begin(address: int, request: Request) -> Any:
        response = function(request)
        return NEXT if response is None else response

    return begin


def _generator(
    function: Callable[[Request], Generator[None, Outcome, Any]], running: dict[int, Generator[None, Outcome, Any]]
) -> Callable[[int, Request], Any]:
    def begin(address: int, request: Request) -> Any:
        generator = function(request)
        try:
            next(generator)
        except StopIteration as stop:
            return NEXT if stop.value is None else stop.value
        running[address] = generator
        return NEXT

    return begin


def _finish(server: Server, generator: Generator[None, Outcome, Any], c: _COutcome) -> None:
    """Goes on behind the yield."""
    try:
        call_program(generator.send, Outcome(c.status, c.reason, c.bytes_in, c.bytes_out, c.ns / 1e9))
        call_program(generator.close)
        raise RuntimeError("it yields twice")
    except StopIteration:
        return
    except BaseException as exc:
        server._report_failure("a function of a group failed behind its yield", exc)
