"""The lifespan of an application in one worker: what it does before the first request and after the last (ASGI)."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Optional

from ..server import Server

if TYPE_CHECKING:
    from .application import Application

Message = MutableMapping[str, Any]


class LifespanError(Exception):
    """The application has refused to begin, or does not know lifespans where it has to."""


class Lifespan:
    """Runs in a task of its own from the beginning to the end."""

    def __init__(self, server: Server, application: Application, mode: str) -> None:
        self._server = server
        self._application = application
        self._mode = mode
        self._task: Optional[asyncio.Task[None]] = None
        self.is_on = False  # the application knows lifespans
        self.state: dict[str, Any] = {}
        self.context = contextvars.copy_context()  # what the application has set there in the beginning

    async def begin(self) -> None:
        """Returns when the application is ready. Raises what keeps it from that."""
        loop = asyncio.get_running_loop()
        self._asked: asyncio.Queue[Message] = asyncio.Queue()
        self._begun: asyncio.Future[None] = loop.create_future()
        self._ended: asyncio.Future[None] = loop.create_future()
        self._asked.put_nowait({"type": "lifespan.startup"})
        self._task = loop.create_task(self._run())
        await self._begun

    async def end(self) -> None:
        """Returns when the application has ended. Raises what went wrong."""
        if not self.is_on or self._task is None or self._task.done():
            return
        self._asked.put_nowait({"type": "lifespan.shutdown"})
        await self._ended

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._application(scope, self._asked.get, self._send)
        except BaseException as exc:
            self._fail(exc)
            if isinstance(exc, asyncio.CancelledError):
                raise
        else:
            self._fail(None)

    def _fail(self, exc: Optional[BaseException]) -> None:
        """The application has returned, or raised: before it was asked to end, that means that it knows no lifespans."""
        if not self._begun.done():
            if self._mode == "on":
                self._begun.set_exception(exc or LifespanError("the application does not know lifespans"))
            else:
                self._begun.set_result(None)
        elif not self._ended.done():
            if exc is not None and self.is_on and self._asked.empty():
                self._ended.set_exception(exc)
                self._ended.exception()  # it is known: nobody may be waiting for it
                self._server._log_exception("lifespan: the application failed", exc)
            else:
                self._ended.set_result(None)

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self.is_on = True
            self.context = contextvars.copy_context()
            self._settle(self._begun, None)
        elif kind == "lifespan.startup.failed":
            self._settle(self._begun, LifespanError(f"the application cannot begin: {message.get('message', '')}"))
        elif kind == "lifespan.shutdown.complete":
            self._settle(self._ended, None)
        elif kind == "lifespan.shutdown.failed":
            self._settle(self._ended, LifespanError(f"the application cannot end: {message.get('message', '')}"))
        else:
            raise ValueError(f"send: {kind!r} is no message of a lifespan")

    def _settle(self, future: asyncio.Future[None], exc: Optional[BaseException]) -> None:
        if future.done():
            return
        if exc is None:
            future.set_result(None)
        else:
            future.set_exception(exc)
