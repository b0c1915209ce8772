"""An exchange on a thread of its own, which waits for a client that is slow."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .._header import DEFERRED
from .exchange import HEAD, Exchange, checked

if TYPE_CHECKING:
    from ..threads import Threads
    from .application import Mounted


class Threaded(Exchange):
    def __init__(self, mounted: Mounted, address: int) -> None:
        super().__init__(mounted, address)
        self._room = threading.Event()  # there is some, or nobody to wait for

    def handle(self, threads: Threads) -> int:
        """Has a thread answer the request. Returns what the C handler returns."""
        self._deferred = self._defer()
        if not threads.submit(self._run):
            self._deferred.respond((503, "503 Service Unavailable\ntoo many requests wait\n"))
        return DEFERRED

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as exc:
            self._fail(exc)
        self._close()

    def write(self, data: bytes) -> None:
        """Sends. Raises Error (E_ABORTED) if the client has left."""
        checked(data)
        self._expect_open()
        if self._stream is None:
            self._begin()
        self._put(data)

    def _begin(self) -> None:
        super()._begin()
        assert self._deferred is not None and self._stream is not None
        self._deferred.on_close(lambda reason: self._room.set())
        self._stream.on_drain(self._room.set)

    def _go_on(self, piece: bytes) -> None:
        self._put(piece)
        if self._method != HEAD:
            for piece in self._pieces:
                self._put(checked(piece))
        self._end()

    def _put(self, piece: bytes) -> None:
        assert self._stream is not None
        for part in self._mounted.pieces.of(piece):
            while not self._stream.write(part):
                self._room.wait()
                self._room.clear()
