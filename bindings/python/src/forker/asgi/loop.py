"""The event loop that a worker lives on."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Optional

from .._header import LOG_WARN
from .._library import lib
from ..option import seconds_of
from ..server import Server
from ..signals import call_c, call_program

if TYPE_CHECKING:
    from .exchange import Exchange
    from .lifespan import Lifespan

LOOPS = ("auto", "asyncio", "uvloop")

_SERVES = 1  # of forker_server_poll()
_RESERVE = 1.0  # seconds of drain_timeout that are kept for what comes after the tasks,
_RESERVE_SHARE = 0.25  # or this share of it, if that is less


def loop_of(server: Server, kind: Optional[str]) -> Loop:
    """The loop of a server, which its applications share. Raises ValueError if another kind was asked for before."""
    loop = server._loop
    if loop is None:
        loop = server._loop = Loop(server, kind or "auto")
    elif kind is not None and kind != loop.kind:
        raise ValueError(f"the server has a loop of kind {loop.kind!r} already")
    return loop


class Soon:
    """What a loop is asked to call soon while a function runs is called when that has returned, instead of in the loop's next turn.

    It is for functions that a loop calls, outside of tasks: there it makes no difference but in time. A task so takes its
    first step, or goes on, at once; asyncio has the same as eager tasks, from Python 3.12 on and for the first step only. A
    loop whose call_soon() cannot be replaced calls in its next turn.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._attributes: dict[str, Any] = getattr(loop, "__dict__", {})
        self._calls: list[asyncio.Handle] = []

    def run(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Calls the function, and then what it has asked for. Returns its result."""
        before = self._attributes.get("call_soon")
        self._attributes["call_soon"] = self._call_soon
        try:
            result = function(*arguments, **named)
        finally:
            if before is None:
                del self._attributes["call_soon"]
            else:
                self._attributes["call_soon"] = before
            calls, self._calls = self._calls, []
        for call in calls:
            if not call.cancelled():
                call_program(call._run)
        return result

    def _call_soon(
        self, callback: Callable[..., Any], *arguments: Any, context: Optional[contextvars.Context] = None
    ) -> asyncio.Handle:
        call = asyncio.Handle(callback, arguments, self._loop, context)
        self._calls.append(call)
        return call


class Loop:
    """Made in each worker by hooks of the server. Everything is called on the worker's main thread."""

    def __init__(self, server: Server, kind: str) -> None:
        self.kind = kind
        self.lifespans: list[Lifespan] = []
        self.asyncio: asyncio.AbstractEventLoop = None  # type: ignore[assignment]  # before worker_init
        self._server = server
        self._soon: Soon = None  # type: ignore[assignment]  # as asyncio
        self.context = contextvars.Context()  # tasks begin with a copy of it
        self.tasks: dict[object, asyncio.Task[None]] = {}  # by owner: the loop itself keeps none
        self.late: list[Exchange] = []  # those that begin at the end of this turn, if they have not before
        self._ended: Optional[asyncio.Future[int]] = None
        self._until: Optional[float] = None  # when tasks are cancelled, by time.monotonic()
        server.set_option("half_close", False)
        server._add_hook("worker_init", self._begin)
        server._add_hook("worker_drain", self._drain)
        server._add_hook("worker_exit", self._end)
        server.worker_loop(self._run)

    def start(self, steps: Coroutine[Any, Any, None], owner: object) -> None:
        """Has a coroutine run in a task, whose first step is taken at once, unless the program makes its tasks itself."""
        if self.asyncio.get_task_factory() is None:
            task = self._soon.run(self.context.run, asyncio.Task, steps, loop=self.asyncio)
        else:
            task = self.context.run(self.asyncio.create_task, steps)
        if not task.done():
            self.tasks[owner] = task

    def forget(self, owner: object) -> None:
        """The task ends now."""
        self.tasks.pop(owner, None)

    def at_once(self, function: Callable[..., None], *arguments: Any) -> None:
        """Calls a function. Tasks that it wakes go on before this returns."""
        self._soon.run(function, *arguments)

    # ------------------------------------------------------------------------------------------------------------ hooks

    def _begin(self, worker: int) -> None:
        if self._server._opened:
            raise RuntimeError("an ASGI application has a loop of its own: run or start its server, instead of open")
        self.asyncio = _make(self.kind)
        self._soon = Soon(self.asyncio)
        asyncio.set_event_loop(self.asyncio)
        for lifespan in self.lifespans:
            self.asyncio.run_until_complete(lifespan.begin())
            self.context = lifespan.context

    def _run(self, worker: int) -> None:
        """The hook worker_loop."""
        self._until = None
        self._ended = self.asyncio.create_future()
        fd = self._server.poll_fd()
        self.asyncio.add_reader(fd, self._poll, fd, self._server._live())
        while not self._ended.done():
            try:
                self.asyncio.run_until_complete(self._ended)
            except (SystemExit, KeyboardInterrupt) as exc:  # of a task; it is not for a request to end the worker
                if os.getpid() == self._server._pid:
                    raise
                self._server._log_exception("a task failed", exc)
        self._finish_tasks()

    def _poll(self, fd: int, server: Any) -> None:
        """There is something to do for the server."""
        code = call_c(lib.forker_server_poll, server, 0)
        if self.late:
            late = self.late.copy()
            self.late.clear()
            for exchange in late:
                exchange.begin_late()
        if code != _SERVES and self._ended is not None and not self._ended.done():
            self.asyncio.remove_reader(fd)
            self._ended.set_result(code)

    def _drain(self, worker: int) -> None:
        timeout = seconds_of(self._server.option("drain_timeout"))
        self._until = time.monotonic() + timeout - min(_RESERVE, timeout * _RESERVE_SHARE)
        if self._ended is not None and not self.asyncio.is_closed():
            self.asyncio.call_later(self._until - time.monotonic(), self._cancel_tasks)

    def _end(self, worker: int) -> None:
        loop = self.asyncio
        if loop is None or loop.is_closed():
            return
        try:
            for lifespan in reversed(self.lifespans):
                try:
                    loop.run_until_complete(lifespan.end())
                except BaseException as exc:
                    self._server._log_exception("lifespan: the application failed to end", exc)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    # ------------------------------------------------------------------------------------------------------------ tasks

    def _left(self) -> set[asyncio.Task[None]]:
        return {task for task in self.tasks.values() if not task.done()}

    def _cancel_tasks(self) -> None:
        left = self._left()
        if left:
            count = "a task" if len(left) == 1 else f"{len(left)} tasks"
            self._server.log(LOG_WARN, f"drain_timeout is over: {count} of the application cancelled")
            for task in left:
                task.cancel()

    def _finish_tasks(self) -> None:
        """Waits for what has outlived its request, and cancels it when there is no more time."""
        until = self._until if self._until is not None else time.monotonic()
        while (left := self._left()) and time.monotonic() < until:
            self.asyncio.run_until_complete(asyncio.wait(left, timeout=until - time.monotonic()))
        if left := self._left():
            self._cancel_tasks()
            self.asyncio.run_until_complete(asyncio.wait(left, timeout=_RESERVE / 2))


def _make(kind: str) -> asyncio.AbstractEventLoop:
    """A loop. Not before the fork: it would not survive that."""
    if kind != "asyncio":
        try:
            import uvloop
        except ImportError:
            if kind == "uvloop":
                raise
        else:
            made: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            return made
    return asyncio.new_event_loop()
