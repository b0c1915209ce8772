"""One request on its way through an application: its task, ``receive()`` and ``send()``."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, MutableMapping
from ctypes import byref, c_uint64, string_at
from typing import TYPE_CHECKING, Any, Optional

from .. import _library
from .._library import lib
from ..accel import accel
from ..callback import write_exception
from ..error import E_ABORTED, E_AGAIN, Error, check_handle, check_request
from .head import c_bytes, set_fields
from .turn import Turns

if TYPE_CHECKING:
    from .application import Mounted

Message = MutableMapping[str, Any]

_OK = 0
_DEFERRED = 2
_HTTP_2 = "2"
_NO_CONTENT = 204
_NOT_MODIFIED = 304
_EARLY_HINTS = 103
_BODY_MOST = 64 * 1024  # bytes of a body that wait for the application before the client has to

# How far the response has come.
_NONE, _STARTED, _STREAMS, _TRAILS, _COMPLETE = range(5)


_set_status = lib.forker_response_status if accel is None else accel.set_status


class ClientLeft(OSError):
    """What send() raises for a body that nobody takes any more."""

    def __init__(self) -> None:
        super().__init__("the client has left")


class Exchange:
    """Everything is called on the worker's main thread, by tasks of its loop or by C."""

    __slots__ = (
        "_mounted", "_address", "_handle", "_scope", "_label", "_is_head", "_pieces", "_waiting", "_has_all", "_is_reading",
        "_is_read", "_is_paused", "_is_lost", "_has_left", "_receivers", "_senders", "_state", "_status", "_length", "_sent",
        "_trails",
    )  # fmt: skip

    def __init__(self, mounted: Mounted, address: int, scope: dict[str, Any]) -> None:
        self._mounted = mounted
        self._address = address
        self._scope = scope
        self._label = f"{scope['method']} {scope['path']}"
        self._is_head = scope["method"] == "HEAD"
        # The body of the request.
        self._pieces: list[bytes] = []
        self._waiting = 0  # bytes of the pieces
        self._has_all = True  # no more comes from the client
        self._is_reading = False  # the application has been given a part of it
        self._is_read = False  # the application has been given all of it
        self._is_paused = False
        self._is_lost = False  # it will never be whole
        # The client.
        self._has_left = False
        self._receivers: list[asyncio.Future[None]] = []
        # The response.
        self._senders: list[asyncio.Future[None]] = []  # who wait for room in a stream
        self._state = _NONE
        self._status = 0
        self._length: Optional[int] = None
        self._sent = 0
        self._trails = False

    def begin(self) -> int:
        """What the C handler does: makes the task."""
        self._handle = self._defer()
        _open[self._handle] = self
        try:
            self._take_body()
            self._mounted.loop.start(Turns(self._run(), self._handle), self)
        except BaseException as exc:
            del _open[self._handle]
            self._mounted.server._report_failure(f"{self._label}: no task could be made", exc)
            lib.forker_deferred_drop(self._handle)
        return _DEFERRED

    def _defer(self) -> int:
        """Makes the handle, whose end is told to _closed()."""
        if accel is not None:
            made: int = accel.defer(self._address, _closed)
            check_request(min(made, 0), self._address)
            return made
        handle = c_uint64()
        check_request(lib.forker_request_defer(self._address, byref(handle)), self._address)
        check_handle(lib.forker_deferred_on_close(handle.value, _CLOSED, None), handle.value)
        return handle.value

    def _take_body(self) -> None:
        """Has C give the body as it comes; to a client that waits to be told so, when the application asks for it."""
        fields = dict(self._scope["headers"])
        has_body = fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields
        if not has_body and self._scope["http_version"] != _HTTP_2:
            return
        self._has_all = False
        check_request(lib.forker_request_on_body(self._address, _ON_BODY, self._handle), self._address)
        if b"expect" in fields:
            self._pause()

    async def _run(self) -> None:
        """The task."""
        try:
            await self._mounted.application(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._give_up()
            raise
        except BaseException as exc:
            self._fail(exc)
        else:
            if self._state != _COMPLETE and not self._has_left:
                self._fail(RuntimeError("the application has returned without a complete response"))
        finally:
            self._mounted.loop.forget(self)

    # ---------------------------------------------------------------------------------------------------------- receive

    async def receive(self) -> Message:
        """ASGI's: the next piece of the body. Behind its end, it waits until the client has left, or has the response."""
        while not self._has_left:
            if not self._is_read and (self._pieces or (self._has_all and not self._is_lost)):
                return self._next_piece()
            if self._is_lost or self._state == _COMPLETE:
                break
            if self._is_paused and not self._is_read:
                self._resume()
            await self._wait(self._receivers)
        return {"type": "http.disconnect"}

    def _wait(self, waiting: list[asyncio.Future[None]]) -> asyncio.Future[None]:
        """Of receivers: something has come, or nothing will any more. Of senders: there is room, or nobody to send to."""
        future = self._mounted.loop.asyncio.create_future()
        waiting.append(future)
        return future

    def _next_piece(self) -> Message:
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._waiting = 0
        self._is_reading = True
        self._is_read = self._has_all and not self._is_lost
        if self._is_paused and not self._has_all:
            self._resume()
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    def take(self, piece: bytes, last: int) -> None:
        """A piece of the body has come, or with a negative `last` none does any more."""
        if last != 0:
            self._has_all = True
            self._is_lost = last < 0
        if piece:
            self._pieces.append(piece)
            self._waiting += len(piece)
            if last == 0 and self._waiting >= _BODY_MOST:
                self._pause()
        _wake(self._receivers)

    def _pause(self) -> None:
        self._is_paused = lib.forker_request_pause(self._address) == _OK

    def _resume(self) -> None:
        self._is_paused = False
        lib.forker_deferred_resume(self._handle)

    # ------------------------------------------------------------------------------------------------------------- send

    async def send(self, message: Message) -> None:
        """ASGI's. It waits only while the client has too much to take. What is refused is raised."""
        kind = message["type"]
        if self._has_left:
            if kind == "http.response.body" and message.get("more_body", False):
                raise ClientLeft
            return
        step = _STEPS.get(kind)
        if step is None:
            raise ValueError(f"send: {kind!r} is no message for an HTTP response")
        piece = step(self, message)
        if piece is not None:
            if self._state == _STARTED:
                await self._begin_stream()
            await self._write(piece, message)

    def _start(self, message: Message) -> None:
        self._expect(message, _NONE)
        status = message["status"]
        trails = bool(message.get("trailers", False))
        try:
            check_request(_set_status(self._address, status), self._address)
            self._length = set_fields(self._address, message.get("headers", ()), trails)
        except BaseException:
            lib.forker_response_reset(self._address)
            raise
        self._status = int(status)
        self._trails = trails
        self._state = _STARTED

    def _body(self, message: Message) -> Optional[bytes]:
        """Answers with the whole body; or else gives what is to be written to a stream."""
        self._expect(message, _STARTED, _STREAMS)
        body = message.get("body", b"")
        if not isinstance(body, bytes):
            if not isinstance(body, (bytearray, memoryview)):
                raise TypeError(f"send: a body is bytes, not {type(body).__name__}")
            body = bytes(body)
        if self._state == _STARTED and not (message.get("more_body", False) or self._trails):
            self._respond(body)
            return None
        return body

    def _respond(self, body: bytes) -> None:
        """Sends a response of which all is there."""
        if self._length is not None and (self._is_head or self._status == _NOT_MODIFIED):
            check_request(lib.forker_response_length(self._address, self._length), self._address)
            body = b""
        elif self._length not in (None, len(body)) and self._status != _NO_CONTENT:
            raise ValueError(f"send: Content-Length is {self._length}, and the body has {len(body)} bytes")
        if accel is not None:
            code = accel.deferred_respond(self._handle, self._status, body)
        else:
            code = lib.forker_deferred_respond(self._handle, self._status, None, body, len(body))
        if code != E_ABORTED:
            check_handle(code, self._handle)
        self._complete()

    async def _begin_stream(self) -> None:
        """Sends the head. With it the body of the request ends: if the application is reading that, all of it comes before."""
        while self._is_reading and not (self._has_all or self._has_left):
            self._resume()
            await self._wait(self._receivers)
        if self._has_left:
            return
        length = -1 if self._length is None else self._length
        code = lib.forker_stream_begin(self._handle, length)
        if code == _OK:
            code = lib.forker_stream_on_drain(self._handle, _DRAINED, None)
        if code != E_ABORTED:  # else on_close tells so
            check_handle(code, self._handle)
        self._state = _STREAMS

    async def _write(self, body: bytes, message: Message) -> None:
        """Writes a piece of a stream as the client takes it, and ends it with the last."""
        if self._has_left:
            return
        self._sent += len(body)
        if body and not self._is_head:
            for piece in self._mounted.pieces.of(body):
                while (code := lib.forker_stream_write(self._handle, piece, len(piece))) == E_AGAIN:
                    await self._wait(self._senders)
                if code == E_ABORTED or self._has_left:
                    return
                check_handle(code, self._handle)
        if message.get("more_body", False):
            return
        if self._length is not None and self._sent < self._length and not self._is_head:
            raise ValueError(f"send: Content-Length is {self._length}, and the body has {self._sent} bytes")
        if self._trails:
            self._state = _TRAILS
        else:
            self._end_stream()

    def _trailers(self, message: Message) -> None:
        self._expect(message, _TRAILS)
        for name, value in message.get("headers", ()):
            code = lib.forker_stream_trailer(self._handle, c_bytes(name), c_bytes(value))
            if code != E_ABORTED:
                check_handle(code, self._handle)
        if not message.get("more_trailers", False):
            self._end_stream()

    def _end_stream(self) -> None:
        lib.forker_stream_end(self._handle)
        self._complete()

    def _path(self, message: Message) -> None:
        """Has the kernel send a file."""
        self._expect(message, _STARTED)
        if self._trails:
            raise ValueError("send: a file is not followed by trailers")
        fd = os.open(message["path"], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"send: {message['path']} is no regular file")
            if self._length not in (None, status.st_size):
                raise ValueError(f"send: Content-Length is {self._length}, and the file has {status.st_size} bytes")
            check_request(lib.forker_response_file(self._address, fd, 0, status.st_size), self._address)
        finally:
            os.close(fd)
        code = lib.forker_deferred_send(self._handle)
        if code != E_ABORTED:
            check_handle(code, self._handle)
        self._complete()

    def _hint(self, message: Message) -> None:
        self._expect(message, _NONE)
        links = b", ".join(c_bytes(link) for link in message["links"])
        if links:
            code = lib.forker_respond_interim(self._address, _EARLY_HINTS, b"Link", links)
            if code not in (E_ABORTED, E_AGAIN):
                check_request(code, self._address)

    def _expect(self, message: Message, *states: int) -> None:
        if self._state not in states:
            raise RuntimeError(f"send: {message['type']!r} {_WHEN[self._state]}")

    def drain(self) -> None:
        """There is room in the stream."""
        _wake(self._senders)

    # ------------------------------------------------------------------------------------------------------------- ends

    def _complete(self) -> None:
        self._state = _COMPLETE
        _wake(self._receivers)

    def close(self) -> None:
        """The request has ended: unless the response is complete, because the client has left or has to."""
        if self._state != _COMPLETE:
            self._has_left = True
            lib.forker_deferred_drop(self._handle)
        _wake(self._receivers)
        self.drain()

    def _fail(self, exc: BaseException) -> None:
        """An exception of the application ends the response, if there is one to end."""
        if self._has_left and isinstance(exc, ClientLeft):
            return
        if not (self._has_left and isinstance(exc, Error) and exc.code == E_ABORTED):
            self._mounted.server._report_failure(f"{self._label}: the application failed", exc)
        if self._has_left or self._state == _COMPLETE:
            return
        if self._state <= _STARTED:
            lib.forker_response_reset(self._address)
            lib.forker_respond_error(self._address, 500, None)
            lib.forker_deferred_send(self._handle)
        else:
            lib.forker_deferred_drop(self._handle)
        self._complete()

    def _give_up(self) -> None:
        """The task was cancelled."""
        if not self._has_left and self._state != _COMPLETE:
            lib.forker_deferred_drop(self._handle)
            self._complete()


def _wake(waiting: list[asyncio.Future[None]]) -> None:
    """Has all that wait look again."""
    woken = waiting.copy()
    waiting.clear()
    for future in woken:
        if not future.done():
            future.set_result(None)


_STEPS: dict[str, Callable[[Exchange, Message], Optional[bytes]]] = {
    "http.response.start": Exchange._start,
    "http.response.body": Exchange._body,
    "http.response.trailers": Exchange._trailers,
    "http.response.pathsend": Exchange._path,
    "http.response.early_hint": Exchange._hint,
}
_WHEN = {
    _NONE: "comes before 'http.response.start'",
    _STARTED: "comes after 'http.response.start'",
    _STREAMS: "comes in the middle of the body",
    _TRAILS: "comes where 'http.response.trailers' has to",
    _COMPLETE: "comes after the end of the response",
}

# The exchanges whose requests have not ended, by handle. C is given the functions below, which live as long as the module.
_open: dict[int, Exchange] = {}


@_library.BODY_FN
def _ON_BODY(address: int, data: int | None, length: int, last: int, handle: int) -> int:
    exchange = _open.get(handle)
    try:
        if exchange is not None:
            exchange.take(string_at(data, length) if data is not None else b"", last)
    except BaseException as exc:
        write_exception("a piece of a body is lost", exc)
    return _OK


@_library.CLOSE_FN
def _CLOSED(handle: int, reason: int, user: int | None) -> None:
    _closed(handle)


def _closed(handle: int) -> None:
    exchange = _open.pop(handle, None)
    try:
        if exchange is not None:
            exchange.close()
    except BaseException as exc:
        write_exception("the end of a request was not told", exc)


@_library.DRAIN_FN
def _DRAINED(handle: int, user: int | None) -> None:
    exchange = _open.get(handle)
    if exchange is not None:
        exchange.drain()
