"""An application in a server: what is called for each request."""

from __future__ import annotations

from asyncio import Task
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Optional

from .._header import LOG_WARN
from .._library import lib
from ..accel import accel
from ..option import size_of
from ..pieces import Pieces
from ..server import Server
from ..signals import call_program
from .exchange import Exchange
from .lifespan import Lifespan
from .loop import Loop
from .scope import Scopes, asks_for_websocket

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Mounted:
    """An application, and what its requests have in common."""

    def __init__(self, server: Server, application: Application, scopes: Scopes, loop: Loop, lifespan: str) -> None:
        self.server = server
        self.application = application
        self.loop = loop
        self.lifespan = Lifespan(server, application, lifespan)
        self.pieces = Pieces(lambda: size_of(server.option("stream_buffer")))
        self._scopes = scopes
        self._has_warned = False
        self._entry: Any = None  # of forker._accel, for the loop of this process
        if lifespan != "off":
            loop.lifespans.append(self.lifespan)

    def handle(self, address: int, user: int | None) -> int:
        """The C handler."""
        try:
            if accel is None:
                return self._handle(address)
            entry = self._entry
            if entry is None or entry.loop is not self.loop.asyncio:
                entry = self._entry = self._enter()
            result: Optional[int] = entry.handle(address)
            return self._handle(address) if result is None else result
        except BaseException as exc:
            self.server._report_failure("a request could not be given to the application", exc)
            return int(lib.forker_respond_error(address, 500, None))

    def _handle(self, address: int) -> int:
        """The same for any request, also one that is not as most are."""
        scope = self._scopes.of(address)
        if asks_for_websocket(scope):
            return self._refuse_websocket(address)
        if self.lifespan.is_on:
            scope["state"] = self.lifespan.state.copy()
        begun: int = self._entry.begin(address, scope) if accel is not None else Exchange(self, address, scope).begin()
        return begun

    def _enter(self) -> Any:
        """What is the same for all requests to the application in this process, as forker._accel has it."""
        state = self.lifespan.state if self.lifespan.is_on else None
        loop = self.loop
        return accel.Entry(
            self,
            Exchange,
            self.application,
            self._scopes.shared(),
            state,
            loop.asyncio,
            loop.context.run,
            loop.tasks,
            Task,
            loop.late,
            call_program,
        )

    def _refuse_websocket(self, address: int) -> int:
        if not self._has_warned:
            self._has_warned = True
            self.server.log(LOG_WARN, "a client asks for a WebSocket, which is not served yet: 501")
        return int(lib.forker_respond_error(address, 501, b"WebSocket is not served here"))
