"""Functions in configuration files that are called at points in the life of the processes, under gunicorn's names."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from .._header import LOG_DEBUG, LOG_ERROR, LOG_INFO, LOG_WARN
from ..server import Server

HOOKS = (
    "on_starting", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_exit", "on_reload", "on_exit",
)  # fmt: skip

Hook = Callable[..., Any]


class Process:
    """What these functions get for the server, and for a worker: what both of them have in gunicorn."""

    def __init__(self, settings: dict[str, Any], number: int = -1) -> None:
        self.pid = os.getpid()
        self.age = number + 1
        self.log = _logger
        self.cfg = settings

    def __repr__(self) -> str:
        return f"<Process {self.pid}>"


class _ServerLog(logging.Handler):
    """Writes what is logged to the log of a server."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._server = server

    def emit(self, record: logging.LogRecord) -> None:
        level = next(level for least, level in _LEVELS if record.levelno >= least)
        for line in self.format(record).splitlines():
            self._server.log(level, line)


_logger = logging.getLogger("forker.cli")
_LEVELS = ((logging.ERROR, LOG_ERROR), (logging.WARNING, LOG_WARN), (logging.INFO, LOG_INFO), (0, LOG_DEBUG))


def log_to(server: Server) -> None:
    """Has the log of these functions be that of the server."""
    _logger.handlers = [_ServerLog(server)]
    _logger.propagate = False
    _logger.setLevel(logging.DEBUG)


def register(server: Server, hooks: dict[str, Hook], settings: dict[str, Any]) -> None:
    """Has the functions called that belong to the time after the start."""
    whole = Process(settings)

    def takes_worker(name: str) -> Callable[[int], None]:
        def call(number: int) -> None:
            hooks[name](whole, Process(settings, number))

        return call

    if "pre_fork" in hooks:
        server.before_fork(takes_worker("pre_fork"))
    if "post_fork" in hooks:
        server.post_fork(takes_worker("post_fork"))
    if "worker_exit" in hooks:
        server.worker_exit(takes_worker("worker_exit"))
    if "on_reload" in hooks:
        server.on_reload(lambda: _discard(hooks["on_reload"](whole)))
    if "when_ready" in hooks:
        _call_when_ready(server, lambda: hooks["when_ready"](whole))


def _call_when_ready(server: Server, hook: Callable[[], Any]) -> None:
    called = False

    def look() -> None:
        nonlocal called
        if not called and server.stats().ready > 0:
            called = True
            hook()

    server.master_tick(look)


def _discard(result: Any) -> None:
    """A hook of gunicorn's may return something."""
