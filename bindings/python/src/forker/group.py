"""Groups of routes: a prefix, options, and functions around the handlers."""

from __future__ import annotations

import ctypes
import inspect
import os
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _header
from ._library import c_text, lib
from .option import option_text
from .request import Request
from .response import NEXT, REFUSED
from .route import Handler, Routes, names_of
from .signals import call_program

if TYPE_CHECKING:
    from .server import Server

KeyFunction = Callable[[Request, str], Any]
OriginFunction = Callable[[Request, str], Any]
PasswordFunction = Callable[[Request, str, str], Any]

_AS_SHOWN = ("utf-8", "surrogateescape")  # how what a client shows becomes text, whatever it is


class Outcome(NamedTuple):
    """How a request has ended: the response's status (0: there was none), why (CLOSE_DONE ...), sizes of the bodies, time."""

    status: int
    reason: int
    bytes_in: int
    bytes_out: int
    seconds: float


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
                _finish(server, generator, _header.COutcome.from_address(outcome))

        c_done = _header.DONE_FN(done) if inspect.isgeneratorfunction(function) else _header.DONE_FN(0)
        callbacks = (_header.HANDLER(before), c_done)
        server._handlers.append(callbacks)
        server._check_setup(lib.forker_group_use(self._c, *callbacks, None))
        return function

    def key_auth(self, sources: str) -> Callable[[KeyFunction], KeyFunction]:
        """Decorates a function that says whether the key is good which a request shows, for all that is below the prefix.

        `sources` says where the key is: "header:X-API-Key", "header:Authorization:Bearer", "query:key", "cookie:sid",
        "form:key", or several of these, separated by commas. The function gets the :class:`forker.Request` and the key, and
        returns True, or False or None, which is answered 401; or a response of its own, as handlers do. It comes in one
        order with the functions of :meth:`use`. :func:`forker.same_secret` compares keys. See forker_group_key_auth() of
        forker.h.

        Raises Error (E_INVALID: malformed sources).
        """

        def register(function: KeyFunction) -> KeyFunction:
            def before(address: int, key: int, length: int, user: int | None) -> int:
                return self._judge(address, function, (_shown(ctypes.string_at(key, length)),))

            self._ask(lib.forker_group_key_auth, (self._c, c_text(sources)), _header.KEY_FN(before))
            return function

        return register

    def basic_auth(self, function: PasswordFunction) -> PasswordFunction:
        """Decorates a function that says whether name and password are good which a request shows by HTTP Basic.

        It gets the :class:`forker.Request`, the name and the password, and returns what one of :meth:`key_auth` does. The
        name is ``request.user`` from then on, unless the function has deferred the request. Users of a file are simpler:
        ``group("/admin", basic_auth="/etc/app/users")``.
        """

        def before(address: int, name: bytes, password: bytes, user: int | None) -> int:
            return self._judge(address, function, (_shown(name), _shown(password)))

        self._ask(lib.forker_group_basic_auth, (self._c,), _header.PASSWORD_FN(before))
        return function

    def on_origin(self, function: OriginFunction) -> OriginFunction:
        """Decorates a function that says whether pages of an origin may read what is answered (CORS).

        It gets the :class:`forker.Request`, of which only the head is there, and an origin that option cors_origins does not
        name, such as "https://customer.example", or "null"; and returns True, or False or None. It is called before all other
        functions and holds all other requests up, so what it looks up has to be in memory. ``request.state`` is for what it
        finds. If it raises, or returns something else, they may not, and the log says so. For all routes of the server it is
        ``server.group("").on_origin``. See forker_group_on_origin() of forker.h.

        Raises Error (E_STATE: the group has a function already).
        """
        server, names = self._server, names_of(self._prefix)

        def judge(address: int, origin: bytes, user: int | None) -> int:
            request = Request(address, names, server._log_exception, server._take)
            try:
                allowed = call_program(function, request, _shown(origin))
                if allowed is None or isinstance(allowed, bool):
                    return 1 if allowed else 0
                raise TypeError(f"it returns True or False, and has returned {allowed!r}")
            except BaseException as exc:
                server._report_failure("a function of on_origin failed", exc)
                return 0
            finally:
                request._end()

        self._ask(lib.forker_group_on_origin, (self._c,), _header.ORIGIN_FN(judge))
        return function

    def _ask(self, register: Callable[..., int], arguments: tuple[Any, ...], callback: Any) -> None:
        self._server._handlers.append(callback)
        self._server._check_setup(register(*arguments, callback, None))

    def _judge(self, address: int, function: Callable[..., Any], shown: tuple[str, ...]) -> int:
        """Has the program say whether what a request shows is good. Its result is that of C's function."""

        def handler(request: Request) -> Any:
            good = function(request, *shown)
            if good is True:
                return NEXT
            return REFUSED if good is False or (good is None and request._handle is None) else good

        server = self._server
        request = Request(address, names_of(self._prefix), server._log_exception, server._take)
        return server._handle(handler, request, address)


def same_secret(given: str, secret: str) -> bool:
    """Whether what a client has given is the secret. Nothing can be learned of the time that this takes."""
    return lib.forker_same_secret(data := given.encode(*_AS_SHOWN), len(data), c_text(secret)) == 1


def _shown(text: bytes) -> str:
    return text.decode(*_AS_SHOWN)


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


def _finish(server: Server, generator: Generator[None, Outcome, Any], c: _header.COutcome) -> None:
    """Goes on behind the yield."""
    try:
        call_program(generator.send, Outcome(c.status, c.reason, c.bytes_in, c.bytes_out, c.ns / 1e9))
        call_program(generator.close)
        raise RuntimeError("it yields twice")
    except StopIteration:
        return
    except BaseException as exc:
        server._report_failure("a function of a group failed behind its yield", exc)
