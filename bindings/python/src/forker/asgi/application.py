"""An application in a server: what is called for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from .._library import lib
from ..log import LOG_WARN
from ..option import size_of
from ..pieces import Pieces
from ..server import Server
from .exchange import Exchange
from .lifespan import Lifespan
from .loop import Loop
from .scope import Scopes, asks_for_websocket

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_OK = 0


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
        if lifespan != "off":
            loop.lifespans.append(self.lifespan)

    def handle(self, address: int, user: int | None) -> int:
        """The C handler."""
        try:
            scope = self._scopes.of(address)
            if asks_for_websocket(scope):
                return self._refuse_websocket(address)
            if self.lifespan.is_on:
                scope["state"] = self.lifespan.state.copy()
            return Exchange(self, address, scope).begin()
        except BaseException as exc:
            self.server._report_failure("a request could not be given to the application", exc)
            return int(lib.forker_respond_error(address, 500, None))

    def _refuse_websocket(self, address: int) -> int:
        if not self._has_warned:
            self._has_warned = True
            self.server.log(LOG_WARN, "a client asks for a WebSocket, which is not served yet: 501")
        return int(lib.forker_respond_error(address, 501, b"WebSocket is not served here"))
