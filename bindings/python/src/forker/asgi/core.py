"""What is done for each request, as far as most are alike. forker._accel has the same in C: accel/exchange.c.

The first step of a request's task is taken within the C handler, and each further one that a piece of the body brings
about within on_body. A response that is complete by then needs no handle: it is sent when these return. The task of a request
with a body begins with the first piece of that, which mostly has come with the head; or without, when all that had come is
served.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from ctypes import string_at
from typing import TYPE_CHECKING, Any, Optional

from .. import _header
from .._header import DEFERRED, OK
from .._library import lib
from ..callback import write_exception
from ..error import check_request
from .turn import Turns

if TYPE_CHECKING:
    from .application import Mounted

Message = MutableMapping[str, Any]

HTTP_2 = "2"
BODY_MOST = 64 * 1024  # bytes of a body that wait for the application before the client has to

# How far the response has come.
NONE, STARTED, STREAMS, TRAILS, COMPLETE = range(5)


class Core:
    """The first half of an Exchange, which has the rest. Everything is called on the worker's main thread."""

    __slots__ = (
        "_mounted", "_address", "_handle", "_scope", "_is_head", "_has_begun", "_is_inside", "_pieces", "_held", "_has_all", "_is_reading",
        "_is_read", "_is_paused", "_is_lost", "_has_left", "_waiters", "_state", "_status", "_length", "_sent", "_trails",
    )  # fmt: skip

    def __init__(self, mounted: Mounted, address: int, scope: dict[str, Any]) -> None:
        self._mounted = mounted
        self._address = address  # of the forker_request: not to be used when the response is complete or the client has left
        self._handle = 0  # 0: none was made
        self._scope = scope
        self._is_head = scope["method"] == "HEAD"
        self._has_begun = False  # its task
        self._is_inside = False  # of the C handler, or of on_body
        # The body of the request.
        self._pieces: Optional[list[bytes]] = None
        self._held = 0  # bytes of the pieces
        self._has_all = True  # no more comes from the client
        self._is_reading = False  # the application has been given a part of it
        self._is_read = False  # the application has been given all of it
        self._is_paused = False
        self._is_lost = False  # it will never be whole
        # The client.
        self._has_left = False
        # Who waits for a piece of the body, for room in a stream, or for the end, and looks again when woken.
        self._waiters: Optional[list[asyncio.Future[None]]] = None
        # The response.
        self._state = NONE
        self._status = 0
        self._length: Optional[int] = None
        self._sent = 0
        self._trails = False

    def begin(self) -> int:
        """What the C handler does: makes the task, and takes its first step."""
        self._take_body()
        if not self._has_all and not self._is_asked_first():
            self._mounted.loop.late.append(self)
            return OK
        self._is_inside = True
        try:
            self._make_task()
        finally:
            self._is_inside = False
        self._settle()
        return DEFERRED if self._handle else OK

    def _make_task(self) -> None:
        self._has_begun = True
        self._mounted.loop.start(Turns(self._run(), self), self)

    def _is_asked_first(self) -> bool:
        """The client waits to be told that it may send the body."""
        return any(name == b"expect" for name, _ in self._scope["headers"])

    def _take_body(self) -> None:
        """Has C give the body as it comes."""
        fields = dict(self._scope["headers"])
        has_body = fields.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in fields
        if has_body or self._scope["http_version"] == HTTP_2:
            check_request(lib.forker_request_on_body(self._address, _ON_BODY, self._address), self._address)
            self._has_all = False
            _reading[self._address] = self

    def _settle(self) -> None:
        """Handler or on_body are about to return: makes a handle, if the application goes on without an event of C's.

        Without one the request ends, of which the task has to know.
        """
        if self._state == COMPLETE or self._has_left or self._handle:
            return
        try:
            if self._has_all:
                self._hold()
            elif not self._waiters and self._is_asked_first():
                self._pause()  # the client is told to go on when the application reads
        except BaseException:
            self._has_left = True
            raise

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
            self._end()
        finally:
            self._mounted.loop.forget(self)

    # ---------------------------------------------------------------------------------------------------------- receive

    async def receive(self) -> Message:
        """ASGI's: the next piece of the body. Behind its end, it waits until the client has left, or has the response."""
        while not self._has_left:
            if not self._is_read and (self._pieces or (self._has_all and not self._is_lost)):
                return self._next_piece()
            if self._is_lost or self._state == COMPLETE:
                break
            if self._is_paused and not self._is_read:
                self._resume()
            await self._wait()
        return {"type": "http.disconnect"}

    def _next_piece(self) -> Message:
        pieces = self._pieces or []
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = None
        self._held = 0
        self._is_reading = True
        self._is_read = self._has_all and not self._is_lost
        if self._is_paused and not self._has_all:
            self._resume()
        return {"type": "http.request", "body": body, "more_body": not self._is_read}

    def hear(self, piece: bytes, last: int) -> None:
        """A piece of the body has come, or with a negative `last` none does any more: on_body."""
        self._is_inside = last >= 0
        try:
            if self._has_begun:
                self._mounted.loop.at_once(self._take, piece, last)
            else:
                self._take(piece, last)
                self._has_begun = True
                if last >= 0:
                    self._try_task()
        finally:
            self._is_inside = False
        if self._has_all:
            self._settle()

    def _take(self, piece: bytes, last: int) -> None:
        if last != 0:
            self._has_all = True
            self._is_lost = last < 0
            if self._is_lost and not self._handle and self._state != COMPLETE:
                self._has_left = True
        if piece:
            if self._pieces is None:
                self._pieces = []
            self._pieces.append(piece)
            self._held += len(piece)
            if last == 0 and self._held >= BODY_MOST and self._state != COMPLETE:
                self._pause()
        self._wake()


# Those to which C gives the body of their request, by its address.
_reading: dict[int, Core] = {}


@_header.BODY_FN
def _ON_BODY(address: int, data: int | None, length: int, last: int, user: int) -> int:
    exchange = _reading.pop(user) if last else _reading[user]
    try:
        exchange.hear(string_at(data, length) if data is not None else b"", last)
    except BaseException as exc:
        write_exception("a piece of a body is lost", exc)
    return OK
