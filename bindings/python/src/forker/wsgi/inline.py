"""An exchange on the main thread of its worker, where nothing can be waited for.

What the application has returned is asked for one piece in each turn of the loop, so that a piece is on its way before
the next one is made, and others are served in between; and for none while the client has too much to take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ctypes import string_at
from typing import TYPE_CHECKING, Any

from .._header import DEFERRED, OK
from .._library import lib
from ..signals import call_program
from .exchange import HEAD, Exchange, checked

if TYPE_CHECKING:
    from .application import Mounted


class Inline(Exchange):
    _collected: list[bytes] | None = None  # by write()
    _parts: Iterator[bytes] = iter(())
    _part: bytes | None = None  # which the client had no room for

    @classmethod
    def adopt(cls, mounted: Mounted, address: int, body: Any, status: int | None, length: int | None) -> Inline:
        """Where forker._accel leaves off: the application is being called, and has perhaps called start_response.

        `body` is the wsgi.input of its environ, which it may have changed since.
        """
        made = cls(mounted, address)
        made._method = string_at(lib.forker_request_method(address, None)).decode("latin-1")
        made._target = string_at(lib.forker_request_target(address, None)).decode("latin-1")
        made._input = body
        made._status = status
        made._length = length
        return made

    def handle(self) -> int:
        """Answers the request, or begins to. Returns what the C handler returns."""
        return self._carry_out(self._call)

    def go_on_with(self, result: Iterable[bytes]) -> int:
        """The same, when the application has returned already."""
        return self._carry_out(self._take_result, result)

    def go_on_from(self, result: Iterable[bytes], pieces: Iterator[bytes], piece: bytes) -> int:
        """The same, when that was asked for its first piece already."""
        return self._carry_out(self._take_first, result, pieces, piece)

    def fail(self, exc: BaseException, result: Iterable[bytes] | None = None) -> int:
        """The same, when it has raised, or what it has returned has."""
        self._result = result
        self._fail(exc)
        if self._complete:
            self._close()
        return OK if self._deferred is None else DEFERRED

    def _take_first(self, result: Iterable[bytes], pieces: Iterator[bytes], piece: bytes) -> None:
        self._result, self._pieces = result, pieces
        self._send_first(self._written() + checked(piece))

    def _carry_out(self, step: Callable[..., None], *arguments: Any) -> int:
        try:
            call_program(step, *arguments)
        except BaseException as exc:
            self._fail(exc)
        if self._complete:
            self._close()
        return OK if self._deferred is None else DEFERRED

    def write(self, data: bytes) -> None:
        """Collects: the client could only be waited for by all others."""
        self._expect_open()
        self._collected = self._collected or []
        self._collected.append(checked(data))

    def _written(self) -> bytes:
        return b"".join(self._collected or ())

    def _has_begun(self) -> bool:
        return bool(self._collected) or super()._has_begun()

    def _go_on(self, piece: bytes) -> None:
        assert self._deferred is not None and self._stream is not None
        self._deferred.on_close(self._leave)
        self._stream.on_drain(self._turn_later)
        self._put(piece)

    def _put(self, piece: bytes) -> None:
        self._parts = iter(self._mounted.pieces.of(piece))
        self._put_parts()

    def _put_parts(self) -> None:
        """Writes what there is room for. Goes on when that has been sent, or when there is room."""
        assert self._stream is not None
        for part in self._parts:
            if not self._stream.write(part):
                self._part = part
                return
        self._turn_later()

    def _turn_later(self) -> None:
        self._server.call_soon(self._turn)

    def _turn(self) -> None:
        if self._complete:
            return
        try:
            call_program(self._step)
        except BaseException as exc:
            self._fail(exc)
        if self._complete:
            self._close()

    def _step(self) -> None:
        assert self._stream is not None
        if self._part is not None:
            if self._stream.write(self._part):
                self._part = None
                self._put_parts()
            return
        piece = None if self._method == HEAD else next(self._pieces, None)
        if piece is None:
            self._end()
        else:
            self._put(checked(piece))

    def _leave(self, reason: int) -> None:
        """The request has ended; unless the response is complete, before its time."""
        if not self._complete and self._deferred is not None:
            self._complete = True
            self._deferred.abort()
            self._close()
