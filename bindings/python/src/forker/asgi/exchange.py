"""One request on its way through an application: ``send()``, and what is not as with most."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, MutableMapping
from ctypes import byref, c_uint64
from typing import Any, Optional

from .. import _header
from .._header import E_ABORTED, E_AGAIN, OK
from .._library import lib
from ..accel import accel
from ..callback import write_exception
from ..error import Error, check_handle, check_request
from ..response import checked_status
from .core import COMPLETE, NONE, STARTED, STREAMS, TRAILS, Core
from .head import c_bytes, set_fields

Message = MutableMapping[str, Any]

_NO_CONTENT = 204
_NOT_MODIFIED = 304
_EARLY_HINTS = 103

_Core = Core if accel is None else accel.Exchange


class ClientLeft(OSError):
    """What send() raises for a body that nobody takes any more."""

    def __init__(self) -> None:
        super().__init__("the client has left")


class Exchange(_Core):  # type: ignore[misc, valid-type]
    """Everything is called on the worker's main thread, by tasks of its loop or by C."""

    __slots__ = ()

    def begin_late(self) -> None:
        """Nothing of the body has come with the head: begins without."""
        if not self._has_begun:
            self._try_task()

    def _try_task(self) -> None:
        """Makes the task where no handler answers if there is none: the program's factory may have raised."""
        try:
            self._make_task()
        except BaseException as exc:
            self._fail(exc)

    def _hold(self) -> None:
        """Makes the handle, whose end is told to _closed(), if there is none."""
        if self._handle:
            return
        if accel is not None:
            made: int = accel.defer(self._address, _closed)
            check_request(min(made, 0), self._address)
            self._handle = made
            _open[made] = self
            return
        handle = c_uint64()
        check_request(lib.forker_request_defer(self._address, byref(handle)), self._address)
        self._handle = handle.value
        _open[self._handle] = self
        check_handle(lib.forker_deferred_on_close(self._handle, _CLOSED, None), self._handle)

    def _wait(self) -> asyncio.Future[None]:
        """Of receivers: something has come, or nothing will any more. Of senders: there is room, or nobody to send to."""
        future: asyncio.Future[None] = self._mounted.loop.asyncio.create_future()
        if self._waiters is None:
            self._waiters = []
        self._waiters.append(future)
        return future

    def _wake(self) -> None:
        """Has all that wait look again."""
        woken, self._waiters = self._waiters, None
        for future in woken or ():
            if not future.done():
                future.set_result(None)

    def _pause(self) -> None:
        self._hold()
        self._is_paused = lib.forker_request_pause(self._address) == OK

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
            if self._state == STARTED:
                await self._begin_stream()
            await self._write(piece, message)

    def _start(self, message: Message) -> None:
        self._expect(message, NONE)
        status = checked_status(message["status"])
        trails = bool(message.get("trailers", False))
        try:
            check_request(lib.forker_response_status(self._address, status), self._address)
            self._length = set_fields(self._address, message.get("headers", ()), trails)
        except BaseException:
            lib.forker_response_reset(self._address)
            raise
        self._status = status
        self._trails = trails
        self._state = STARTED

    def _body(self, message: Message) -> Optional[bytes]:
        """Answers with the whole body; or else gives what is to be written to a stream."""
        self._expect(message, STARTED, STREAMS)
        body = message.get("body", b"")
        if not isinstance(body, bytes):
            if not isinstance(body, (bytearray, memoryview)):
                raise TypeError(f"send: a body is bytes, not {type(body).__name__}")
            body = bytes(body)
        if self._state == STARTED and not (message.get("more_body", False) or self._trails):
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
        if self._is_inside and not self._handle:
            check_request(lib.forker_respond(self._address, self._status, None, body, len(body)), self._address)
        else:
            self._hold()
            code = lib.forker_deferred_respond(self._handle, self._status, None, body, len(body))
            if code != E_ABORTED:
                check_handle(code, self._handle)
        self._complete()

    async def _begin_stream(self) -> None:
        """Sends the head. With it the body of the request ends: if the application is reading that, all of it comes before."""
        self._hold()
        while self._is_reading and not (self._has_all or self._has_left):
            self._resume()
            await self._wait()
        if self._has_left:
            return
        length = -1 if self._length is None else self._length
        code = lib.forker_stream_begin(self._handle, length)
        if code == OK:
            code = lib.forker_stream_on_drain(self._handle, _DRAINED, None)
        if code != E_ABORTED:  # else on_close tells so
            check_handle(code, self._handle)
        self._state = STREAMS

    async def _write(self, body: bytes, message: Message) -> None:
        """Writes a piece of a stream as the client takes it, and ends it with the last."""
        if self._has_left:
            return
        self._sent += len(body)
        if body and not self._is_head:
            for piece in self._mounted.pieces.of(body):
                while (code := lib.forker_stream_write(self._handle, piece, len(piece))) == E_AGAIN:
                    await self._wait()
                if code == E_ABORTED or self._has_left:
                    return
                check_handle(code, self._handle)
        if message.get("more_body", False):
            return
        if self._length is not None and self._sent < self._length and not self._is_head:
            raise ValueError(f"send: Content-Length is {self._length}, and the body has {self._sent} bytes")
        if self._trails:
            self._state = TRAILS
        else:
            self._end_stream()

    def _trailers(self, message: Message) -> None:
        self._expect(message, TRAILS)
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
        self._expect(message, STARTED)
        if self._trails:
            raise ValueError("send: a file is not followed by trailers")
        fd = os.open(message["path"], os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"send: {message['path']} is no regular file")
            if self._length not in (None, status.st_size):
                raise ValueError(f"send: Content-Length is {self._length}, and the file has {status.st_size} bytes")
            self._keep_inside()
            check_request(lib.forker_response_file(self._address, fd, 0, status.st_size), self._address)
        finally:
            os.close(fd)
        self._deliver()
        self._complete()

    def _keep_inside(self) -> None:
        """What is set from now on is the whole response: it needs a handle, unless handler or on_body return it."""
        if not self._is_inside:
            self._hold()

    def _deliver(self) -> None:
        """Sends the response that was set."""
        if self._handle:
            code = lib.forker_deferred_send(self._handle)
            if code != E_ABORTED:
                check_handle(code, self._handle)

    def _hint(self, message: Message) -> None:
        self._expect(message, NONE)
        links = b", ".join(c_bytes(link) for link in message["links"])
        if links:
            self._keep_inside()
            code = lib.forker_respond_interim(self._address, _EARLY_HINTS, b"Link", links)
            if code not in (E_ABORTED, E_AGAIN):
                check_request(code, self._address)

    def _expect(self, message: Message, *states: int) -> None:
        if self._state not in states:
            raise RuntimeError(f"send: {message['type']!r} {_WHEN[self._state]}")

    # ------------------------------------------------------------------------------------------------------------- ends

    def _complete(self) -> None:
        self._state = COMPLETE
        self._wake()

    def close(self) -> None:
        """The request has ended: unless the response is complete, because the client has left or has to."""
        if self._state != COMPLETE:
            self._has_left = True
            lib.forker_deferred_drop(self._handle)
        self._wake()

    def drain(self) -> None:
        """There is room in the stream."""
        self._wake()

    def _end(self) -> None:
        """The application has returned."""
        if self._state != COMPLETE and not self._has_left:
            self._fail(RuntimeError("the application has returned without a complete response"))

    def _fail(self, exc: BaseException) -> None:
        """An exception of the application ends the response, if there is one to end."""
        if self._has_left and isinstance(exc, ClientLeft):
            return
        if not (self._has_left and isinstance(exc, Error) and exc.code == E_ABORTED):
            self._mounted.server._report_failure(f"{self._scope['method']} {self._scope['path']}: the application failed", exc)
        if self._has_left or self._state == COMPLETE:
            return
        if self._state <= STARTED:
            self._keep_inside()
            lib.forker_response_reset(self._address)
            lib.forker_respond_error(self._address, 500, None)
            self._deliver()
        else:
            lib.forker_deferred_drop(self._handle)
        self._complete()

    def _give_up(self) -> None:
        """The task was cancelled, perhaps before its first step."""
        if not self._has_left and self._state != COMPLETE:
            self._hold()
            lib.forker_deferred_drop(self._handle)
            self._complete()


_STEPS: dict[str, Callable[[Exchange, Message], Optional[bytes]]] = {
    "http.response.start": Exchange._start,
    "http.response.body": Exchange._body,
    "http.response.trailers": Exchange._trailers,
    "http.response.pathsend": Exchange._path,
    "http.response.early_hint": Exchange._hint,
}
_WHEN = {
    NONE: "comes before 'http.response.start'",
    STARTED: "comes after 'http.response.start'",
    STREAMS: "comes in the middle of the body",
    TRAILS: "comes where 'http.response.trailers' has to",
    COMPLETE: "comes after the end of the response",
}

# The exchanges whose requests have not ended, by handle. C is given the functions below, which live as long as the module.
_open: dict[int, Exchange] = {}


@_header.CLOSE_FN
def _CLOSED(handle: int, reason: int, user: int | None) -> None:
    _closed(handle)


def _closed(handle: int) -> None:
    exchange = _open.pop(handle, None)
    try:
        if exchange is not None:
            exchange.close()
    except BaseException as exc:
        write_exception("the end of a request was not told", exc)


@_header.DRAIN_FN
def _DRAINED(handle: int, user: int | None) -> None:
    exchange = _open.get(handle)
    if exchange is not None:
        exchange.drain()
