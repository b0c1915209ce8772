"""The hooks of a server: functions that are called at points in the life of its processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import _header
from ._header import E_BOOT, OK
from ._library import lib
from .callback import flush
from .leaving import end_pools
from .log import Log
from .signals import call_program

Hook = Callable[[int], None]
Died = Callable[[int, int, int, str], None]


class Hooks(Log):
    """Decorators, one for each hook. Of each kind there is one hook; a later one replaces it.

    A hook returns None. What it raises is logged, with the consequence that each names. But KeyboardInterrupt and
    SystemExit in the process that called :meth:`Server.run` stop the server, and run raises them.
    """

    def post_fork(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index right after fork, still single-threaded.

        If it raises, the worker exits and is tried again, with growing delay.
        """
        return self._set_hook("post_fork", hook)

    def worker_init(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index when it is about to serve.

        Connections to databases are opened here: they must not be shared by forks. If it raises, the worker
        exits and is tried again, with growing delay.
        """
        return self._set_hook("worker_init", hook)

    def before_fork(self, hook: Hook) -> Hook:
        """Decorates a function that the process of :meth:`run` calls with a worker's index before it forks that worker.

        What it prepares, the worker inherits. If it raises, the fork is tried again, with growing delay.
        """
        return self._set_hook("before_fork", hook)

    def worker_ready(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index when it takes its first connections next."""
        return self._set_hook("worker_ready", hook)

    def worker_loop(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index instead of the built-in loop: its own main loop.

        In it the worker serves by calls of :meth:`Server.poll`, when :meth:`Server.poll_fd` can be read, and has drained
        when poll returns False: then the function is to return. If it returns before, the built-in loop goes on; if it
        raises, the worker drains and leaves.
        """
        return self._set_hook("worker_loop", hook)

    def worker_drain(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index, between requests, when it begins to drain."""
        return self._set_hook("worker_drain", hook)

    def thread_start(self, hook: Hook) -> Hook:
        """Decorates a function that is called with the worker's index first on each thread of the handler pool.

        If it raises, the thread ends, and the request that it was made for is answered 503.
        """
        return self._set_hook("thread_start", hook)

    def thread_exit(self, hook: Hook) -> Hook:
        """Decorates a function that is called with the worker's index last on each thread of the handler pool."""
        return self._set_hook("thread_exit", hook)

    def worker_died(self, function: Died) -> Died:
        """Decorates a function that the process of :meth:`run` calls when a worker is gone, for whatever reason.

        It is called with the worker's index, pid and wait status (see :func:`os.waitstatus_to_exitcode`; -1 if somebody
        else has reaped it), and the request whose handler it died in, "GET /path from 192.0.2.1:50000", or "".
        """

        def call(server: int, worker: int, pid: int, status: int, request: bytes, user: int | None) -> None:
            self._call_hook("worker_died", function, worker, pid, status, request.decode("utf-8", "replace"))

        self._register("worker_died", lib.forker_server_on_worker_died, _header.DEATH_FN(call))
        return function

    def master_tick(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Decorates a function that the process of :meth:`run` calls about once a second."""
        return self._set_server_hook("master_tick", lib.forker_server_on_master_tick, hook)

    def worker_exit(self, hook: Hook) -> Hook:
        """Decorates a function that each worker calls with its index when it has drained and is about to leave.

        Not called if the worker crashes or is killed. Functions of :mod:`atexit` are not called in workers. After it
        the executors, pools and processes of :mod:`concurrent.futures` and :mod:`multiprocessing` that the worker has
        made are ended, as Python does at the exit of a process, and what Python holds back of stdout and stderr is
        written.
        """
        return self._set_hook("worker_exit", hook)

    def on_reload(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Decorates a function that is called in the process of :meth:`run` when a reload begins.

        What it reads again, the new workers inherit. If it raises, the reload is refused and the workers go on.
        """
        return self._set_server_hook("on_reload", lib.forker_server_on_reload, hook)

    def on_reopen(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Decorates a function that the process of :meth:`run` and every worker call to open log files anew."""
        return self._set_server_hook("on_reopen", lib.forker_server_on_reopen, hook)

    def _add_hook(self, kind: str, hook: Hook) -> None:
        """Has a function of this package called too, behind the program's hook of that kind; of worker_exit before it."""
        self._own_hooks.setdefault(kind, []).append(hook)
        if kind not in self._callbacks:
            self._set_hook(kind, lambda worker: None)

    def _set_server_hook(self, kind: str, setter: Any, hook: Callable[[], None]) -> Callable[[], None]:
        def call(server: int, user: int | None) -> int:
            return self._call_hook(kind, hook)

        self._register(kind, setter, _header.SERVER_HOOK(call))
        return hook

    def _set_hook(self, kind: str, hook: Hook) -> Hook:
        def call(server: int, worker: int, user: int | None) -> int:
            own = self._own_hooks.get(kind, [])
            result = OK
            for function in [*own, hook] if kind == "worker_exit" else [hook, *own]:
                result = result or self._call_hook(kind, function, worker)
            if kind == "worker_exit" and os.getpid() != self._pid:
                self._call_hook("the end of pools", end_pools)
            return result

        self._register(kind, getattr(lib, f"forker_server_on_{kind}"), _header.HOOK(call))
        return hook

    def _call_hook(self, kind: str, hook: Callable[..., None], *arguments: int | str) -> int:
        try:
            result = call_program(hook, *arguments)
            if result is not None:
                raise TypeError(f"a hook returns None, or raises; not {type(result).__name__}")
            return OK
        except BaseException as exc:
            if isinstance(exc, Exception) or os.getpid() != self._pid:
                self._log_exception(f"{kind}: the hook failed", exc)
            else:
                self._interrupt_by(exc)
            return E_BOOT
        finally:
            flush()
