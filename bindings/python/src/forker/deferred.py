"""Responses that come after the handler has returned, from any thread: whole, or in pieces."""

from __future__ import annotations

import ctypes
import json
import math
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _header
from ._header import E_ABORTED, E_AGAIN, E_PROCESS, E_STATE, OK
from ._library import c_length, c_text, lib
from .error import Error, check_handle, check_request
from .response import Response, prepare, respond
from .signals import call_program

if TYPE_CHECKING:
    from .request import Request

_WAIT_MS = 100  # how long a wait keeps a signal from Python's handler

Close = Callable[[int], None]
Drain = Callable[[], None]
Report = Callable[[str, BaseException], None]


class Deferred:
    """A request that is answered later. Made by :meth:`Request.defer`; the handler returns it.

    ``request`` stays valid until it is answered by :meth:`respond`, :meth:`abort`, or the end of the stream that
    :meth:`stream` or :meth:`events` has begun. One of them has to be called, also when the client has left. A
    Deferred that the program loses is aborted when Python collects it, and ``request`` has ended then.

    All methods may be called from any thread, and none waits for the client. They raise Error: E_STATE if it is
    answered already, E_PROCESS in a process that was forked off the one that serves.
    """

    __slots__ = ("request", "_handle", "_report", "_release", "_drain", "__weakref__")

    def __init__(self, request: Request, handle: int, report: Report) -> None:
        """Made by :meth:`Request.defer` only."""
        self.request = request
        self._handle = handle
        self._report = report
        self._drain: Drain | None = None
        self._release = weakref.finalize(self, _drop, handle)
        self._release.atexit = False  # the process that ends closes the connection

    def respond(self, response: Any) -> bool:
        """Answers with what a handler may return, see :class:`forker.Response`; NEXT excepted.

        True: it is on its way. False: the client has left. Raises TypeError, ValueError or Error for a response that is
        refused; then there is none yet.
        """
        response = Response.of(response)
        with self.request._guard:
            respond(self._blank(), response)
            return self._end(lib.forker_deferred_send)

    def abort(self) -> None:
        """Gives up: the client gets a 500, which is logged; in the middle of a stream its connection is closed.

        Once it is answered it does nothing.
        """
        with self.request._guard:
            if self._release.detach():
                self._end(lib.forker_deferred_drop)

    @property
    def cancelled(self) -> bool:
        """Whether there is nobody to answer: the client has left, or it is answered already."""
        return bool(lib.forker_deferred_cancelled(self._handle))

    def resume(self) -> bool:
        """Ends what :meth:`Request.pause` has begun; nothing if the request is not paused.

        False: the request has ended, and no more of its body comes.
        """
        code = lib.forker_deferred_resume(self._handle)
        if code != E_ABORTED:
            check_handle(code, self._handle)
        return code == OK

    def next(self) -> bool:
        """Goes on with a request that a function of a group has deferred: with the next such function, or the handler.

        That happens on the thread that calls the handlers, with a Request of its own; ``request`` of this one has ended, and
        :meth:`on_close`'s function is not called. False: the client has left. Raises Error (E_STATE: the request was deferred
        by its handler, is answered, or its body is asked for; then it is still to be answered).
        """
        with self.request._guard:
            self._live()
            goes_on = self._end(lib.forker_deferred_next)
        if goes_on:
            _closing.pop(self._handle, None)
        return goes_on

    def on_close(self, function: Close) -> Close:
        """Has a function called with the reason when the request has ended; also as a decorator.

        The reason is CLOSE_DONE (the response is sent), CLOSE_CLIENT (the client has left), CLOSE_TIMEOUT,
        CLOSE_SHUTDOWN (the server stops) or CLOSE_ERROR. It is called once, on the thread that calls the handlers,
        and kept until then, with what it refers to; a later one replaces it. It does not take the duty to answer from
        the program. If it raises, that is logged. Raises Error (E_ABORTED) if the request has ended already.
        """
        before, entry = _closing.get(self._handle), (self._report, function)
        _closing[self._handle] = entry
        code = lib.forker_deferred_on_close(self._handle, _CLOSED, None)
        if code != OK and _closing.get(self._handle) is entry:  # else it was called while C was asked
            if before is None:
                del _closing[self._handle]
            else:  # the request has just ended, and the call is on its way
                _closing[self._handle] = before
            check_handle(code, self._handle)
        return function

    def stream(
        self,
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        content_type: str | None = None,
        length: int | None = None,
    ) -> Stream:
        """Begins a response in pieces, and sends its head. `length` is that of the body in bytes, if it is known.

        Raises TypeError, ValueError or Error; E_ABORTED: the client has left, and abort() is what remains.
        """
        c_size = -1 if length is None else c_length(length)
        response = Response(status, None, headers, content_type)
        with self.request._guard:
            address = self._blank()
            prepare(address, response)
            check_request(lib.forker_response_status(address, response.status), address)
            if response.content_type is not None:
                content_type = c_text(response.content_type, "latin-1")
                check_request(lib.forker_response_header_set(address, b"Content-Type", content_type), address)
            check_handle(lib.forker_stream_begin(self._handle, c_size), self._handle)
        return Stream(self)

    def events(self, headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Stream:
        """Begins a stream of Server-Sent Events, for :meth:`Stream.send`. Raises as :meth:`stream` does."""
        with self.request._guard:
            prepare(self._blank(), Response(200, None, headers))
            check_handle(lib.forker_sse_begin(self._handle), self._handle)
        return Stream(self)

    def _live(self) -> int:
        address = lib.forker_deferred_request(self._handle)
        if not address:
            raise Error(*_gone(self._handle))
        return address

    def _blank(self) -> int:
        """The request, without what is left of a response that was refused."""
        address = self._live()
        lib.forker_response_reset(address)
        return address

    def _end(self, function: Callable[[int], int]) -> bool:
        """Uses the handle up. With the request's guard: nobody else is looking at its memory."""
        code = function(self._handle)
        if code != E_ABORTED:
            check_handle(code, self._handle)
        self._release.detach()
        self.request._end()
        _draining.pop(self._handle, None)
        self._drain = None
        return code == OK

    def __repr__(self) -> str:
        return f"<Deferred {self.request!r}>"


class Stream:
    """The body of a response, written in pieces. Made by :meth:`Deferred.stream` and :meth:`Deferred.events`.

    As a context manager it ends the body when the block is left, or aborts it if that is by an exception. What is said
    of threads and errors at :class:`Deferred` goes for it, too.
    """

    __slots__ = ("deferred",)

    def __init__(self, deferred: Deferred) -> None:
        """Made by :class:`Deferred` only."""
        self.deferred = deferred

    def write(self, data: str | bytes | bytearray | memoryview) -> bool:
        """Writes a piece, which is copied; str as UTF-8.

        True: it is on its way. False: there is no room before the client has taken more; nothing was written, and
        :meth:`on_drain`'s function will be called. Raises Error: E_ABORTED (the client has left), E_LIMIT (more than
        option stream_buffer at once, or than the length that was promised), E_STATE (ended).
        """
        piece = _bytes_of(data)
        return self._wrote(lib.forker_stream_write(self.deferred._handle, piece, len(piece)))

    def write_wait(self, data: str | bytes | bytearray | memoryview, timeout: float | None = None) -> bool:
        """The same, but where there is no room it waits until there is, for up to so many seconds; None is without limit.

        For threads of the program's own. False: there was no room in that time. Raises Error as :meth:`write` does, E_STATE
        also on the thread that serves, which makes the room, and in a handler on the pool, before whose return nothing is
        sent.
        """
        piece = _bytes_of(data)
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:  # in slices, so that KeyboardInterrupt can end it
            wait_ms = math.ceil(min(max(until - time.monotonic(), 0) * 1000, _WAIT_MS))
            code = lib.forker_stream_write_wait(self.deferred._handle, piece, len(piece), wait_ms)
            if code != E_AGAIN or time.monotonic() >= until:
                return self._wrote(code)

    def send(self, data: Any, event: str | None = None, id: str | None = None) -> bool:
        """Writes one Server-Sent Event: text, or what becomes JSON. Results as for :meth:`write`.

        `event` and `id` are single lines; E_INVALID if they are not. Raises ValueError for a NUL character, TypeError
        and ValueError for what JSON does not know.
        """
        text = data if isinstance(data, str) else json.dumps(data, allow_nan=False, separators=(",", ":"))
        fields = [None if field is None else c_text(field) for field in (event, id, text)]
        return self._wrote(lib.forker_sse_send(self.deferred._handle, *fields))

    def on_drain(self, function: Drain) -> Drain:
        """Has a function called when half of the room is free again after a write was refused; also as a decorator.

        It is called on the thread that calls the handlers, each time, and kept until the stream ends; a later one
        replaces it. Register it before the first write: room that came before is not told. If it raises, that is logged
        and the stream aborted. Raises Error (E_ABORTED: the client has left).
        """
        deferred = self.deferred
        with deferred.request._guard:  # the end, on another thread, comes before or after
            if not deferred._release.alive:
                raise Error(E_STATE)
            deferred._drain = function  # not in a table: it refers to the stream, as a rule, and would keep it
            _draining[deferred._handle] = weakref.ref(deferred)
            check_handle(lib.forker_stream_on_drain(deferred._handle, _DRAINED, None), deferred._handle)
        return function

    def close(self, trailers: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        """Ends the body, with fields behind it where the client can take them. Once it has ended it does nothing.

        Raises Error if a field is refused; then the body has not ended, and the fields before it are kept.
        """
        deferred = self.deferred
        with deferred.request._guard:
            if not deferred._release.alive:
                return
            for name, value in trailers.items() if isinstance(trailers, Mapping) else trailers:
                code = lib.forker_stream_trailer(deferred._handle, c_text(name, "latin-1"), c_text(value, "latin-1"))
                if code != E_ABORTED:
                    check_handle(code, deferred._handle)
            deferred._end(lib.forker_stream_end)

    def abort(self) -> None:
        """Closes the connection in the middle of the body, so that the client sees that it is not whole."""
        self.deferred.abort()

    @property
    def cancelled(self) -> bool:
        """Whether the client has left, or the stream has ended."""
        return self.deferred.cancelled

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    def _wrote(self, code: int) -> bool:
        if code == E_AGAIN:
            return False
        if code == E_ABORTED and not self.deferred._release.alive:
            raise Error(E_STATE)
        check_handle(code, self.deferred._handle)
        return True


def _bytes_of(data: str | bytes | bytearray | memoryview) -> bytes:
    if not isinstance(data, (str, bytes, bytearray, memoryview)):
        raise TypeError(f"a piece is str, bytes, bytearray or memoryview, not {type(data).__name__}")
    return data.encode() if isinstance(data, str) else bytes(data)


def defer(request: Request, address: int, report: Report) -> Deferred:
    """Makes a handle for the request at `address`. `report` deals with what a callback of the program has raised."""
    handle = ctypes.c_uint64()
    check_request(lib.forker_request_defer(address, ctypes.byref(handle)), address)
    return Deferred(request, handle.value, report)


# What C has been told to call, by handle. C is given the two functions below, which live as long as the module: it
# never calls into an object that Python has collected.
_closing: dict[int, tuple[Report, Close]] = {}
_draining: dict[int, weakref.ref[Deferred]] = {}


@_header.CLOSE_FN
def _CLOSED(handle: int, reason: int, user: int | None) -> None:
    report, function = _closing.pop(handle, (None, None))
    if function is not None:
        try:
            call_program(function, reason)
        except BaseException as exc:
            report("on_close: the function failed", exc)


@_header.DRAIN_FN
def _DRAINED(handle: int, user: int | None) -> None:
    found = _draining.get(handle)
    deferred = found() if found is not None else None
    function = deferred._drain if deferred is not None else None
    if function is not None:
        try:
            call_program(function)
        except BaseException as exc:
            deferred._report("on_drain: the function failed; the stream is aborted", exc)
            deferred.abort()


def _drop(handle: int) -> None:
    _draining.pop(handle, None)
    lib.forker_deferred_drop(handle)


def _gone(handle: int) -> tuple[int, str]:
    """Why there is no request behind a handle."""
    if lib.forker_deferred_drop(handle) == E_PROCESS:  # nothing is dropped, there is nothing
        return E_PROCESS, "the request is that of another process"
    return E_STATE, "the request is answered already"
