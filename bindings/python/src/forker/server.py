"""The server: options, routes, hooks, listening sockets, run."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _library
from ._library import c_path, c_text, lib
from .accel import accel
from .callback import flush
from .deferred import Report
from .error import E_AGAIN, E_INVALID, E_LIMIT, E_PROCESS, E_ROUTE, E_STATE, Error
from .group import Group
from .handling import ErrorFunction, Handling
from .log import LogFunction, Logger
from .option import option_text, static_name
from .request import Request
from .response import HTTPError
from .route import CRouteInfo, Handler, RouteInfo, Routes, names_of
from .signals import SignalGuard, call_program
from .state import forget
from .stats import CStats, CWorkerStats, Stats, WorkerStats, stats_of, worker_stats_of
from .timer import TIMED, Timer

if TYPE_CHECKING:
    from .grpc import Services

_OK = 0
_SERVES = 1  # of forker_server_poll()
_WAIT_MS = 100  # how long wait() and poll() keep a signal from Python's handler


def version() -> str:
    """The version of the C library that is loaded, such as "0.1.0"."""
    return lib.forker_version().decode()


class Server(Handling, Routes):
    """A server: its options, routes, hooks and listening sockets.

    ``workers`` and the other options are those of :func:`forker.options`, as text in C's form ("64k", "10s") or
    as Python values: bool for on and off, int or float for a duration in seconds, int for numbers, sizes and
    modes. None leaves an option as it is. The environment wins: FORKER_WORKERS=4 overrides ``workers``. ``log``
    is described at :meth:`set_log`.

    A server belongs to the thread that made it; only what says "any thread" may be called from elsewhere. A call that C
    refuses raises :class:`forker.Error`, and C remembers a failed setup call: :meth:`run` then refuses to start.

    The server releases its sockets when :meth:`close` is called, at the end of a ``with`` block, or when it is
    collected. One that was started is stopped before; it is not collected while it serves.
    """

    def __init__(
        self,
        workers: int | str | None = None,
        *,
        log: Logger | LogFunction | None = None,
        **options: str | int | float | bool | None,
    ) -> None:
        super().__init__()
        self._running = False
        self._guard: SignalGuard | None = None  # of poll()
        self._timers: dict[int, Timer] = {}  # of this run, by the number that C gives back
        self._check(lib.forker_server_slot(self._live(), forget))
        self._register("fork", lib.forker_server_set_fork, _library.FORK_FN(self._fork))
        # Registered even if the program has no such hook: it flushes what the program has printed, and workers leave
        # by _exit(2), which does not.
        self._set_hook("worker_exit", lambda worker: None)
        if log is not None:
            self.set_log(log)
        for name, value in {"workers": workers, **options}.items():
            if value is not None:
                self.set_option(name, value)

    # ------------------------------------------------------------------------------------------------ setup

    def set_option(self, name: str, value: str | int | float | bool) -> None:
        """Sets an option. Raises Error (E_OPTION: unknown, or not a value for it; E_STATE: running)."""
        self._check_setup(lib.forker_server_set(self._live(), c_text(name), c_text(option_text(name, value))))

    def option(self, name: str) -> str:
        """The value of an option as it would be used, as text in C's form. Raises KeyError if there is none."""
        value = lib.forker_server_get(self._live(), c_text(name))
        if value is None:
            raise KeyError(name)
        return value.decode()

    def listen(self, address: str) -> None:
        """Opens a listening socket: "host:port", "[v6]:port", ":port", "unix:/path", "fd:N" or "systemd".

        Port 0 is any. A unix socket can have mode and owner: "unix:/path?mode=0660&user=www&group=www"; "systemd:web"
        takes the sockets of that FileDescriptorName=. Any of them speaks TLS with "?tls=on", as in ":8443?tls=on", and
        asks clients for a certificate with "&client_cert=optional" or "&client_cert=required"; one with
        "?redirect_https=on" leads there. It can be called several times. Raises Error (E_ADDRESS, with the
        address and the reason; E_STATE). As with the other setup calls, a program that catches it can go on, with the
        next port for example; only a route whose options are refused keeps the server from being run.
        """
        self._check_setup(lib.forker_server_listen(self._live(), c_text(address)))

    def certificate(self, chain: str | os.PathLike[str], key: str | os.PathLike[str]) -> None:
        """Gives the server a certificate for addresses with "?tls=on": PEM files of the chain and of the key.

        It can be called several times: a client gets the one for the name that it asks for, or the first. The files are
        read again by each reload, which is refused if they cannot be used. Raises Error (E_CERTIFICATE, with the file
        and the reason; E_LIMIT, E_STATE). Whether key and chain belong together :meth:`run` finds out.
        """
        self._check_setup(lib.forker_server_certificate(self._live(), c_path(chain), c_path(key)))

    def certificate_pem(self, name: str, chain: bytes, key: bytes) -> None:
        """The same with PEM texts; `name` stands for the certificate in sentences. A reload keeps them."""
        code = lib.forker_server_certificate_pem(self._live(), c_text(name), chain, len(chain), key, len(key))
        self._check_setup(code)

    def certificate_ocsp(self, name: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
        """Has clients get an OCSP response (a file in DER) along with a certificate that was given before.

        `name` is the chain of :meth:`certificate`, or the name of :meth:`certificate_pem`. The file is read again by each
        reload; once the response has expired it is left out. Raises Error (E_CERTIFICATE; E_INVALID: there is no such
        certificate; E_STATE: it has a response already).
        """
        self._check_setup(lib.forker_server_certificate_ocsp(self._live(), c_path(name), c_path(path)))

    def client_ca(self, path: str | os.PathLike[str]) -> None:
        """The CAs that have to have signed the certificates of clients: a PEM file, read again by each reload.

        Raises Error (E_CERTIFICATE; E_STATE: called before, or running).
        """
        self._check_setup(lib.forker_server_client_ca(self._live(), c_path(path)))

    def address(self, index: int = 0) -> str:
        """The address of a listening socket, with its real port, in the order of opening.

        Any process of the tree. Raises IndexError beyond the last one.
        """
        address = lib.forker_server_address(self._live(), index) if index >= 0 else None
        if address is None:
            raise IndexError(f"there is no listening socket {index}")
        return address.decode()

    def load(self, path: str | os.PathLike[str]) -> None:
        """Sets options from a file of lines "name = value", which a reload reads again.

        Calls of :meth:`set_option` after it win, and the environment does. Raises Error (E_SYSTEM: cannot be read;
        E_OPTION: with the line; E_LIMIT, E_STATE).
        """
        self._check_setup(lib.forker_server_load(self._live(), c_path(path)))

    # ----------------------------------------------------------------------------------------------- routes

    def route(
        self, methods: str | Sequence[str], pattern: str, **options: str | int | float | bool
    ) -> Callable[[Handler], Handler]:
        """Decorates a function that answers requests for `methods` on paths that match `pattern`.

        `methods` is "GET", "GET,POST", ["GET", "POST"] or "*"; GET answers HEAD too. In `pattern` a segment
        ":name" matches any one segment and a last segment "*name" the rest of the path. `options` are the
        route's own: ``dispatch="pool"`` calls the function on a thread of a pool, where it may block, ``body="stream"``
        when the head of the request is there, see :meth:`Request.on_body`, and ``max_body`` limits the body.

        The function is called with a :class:`forker.Request` and returns what :class:`forker.Response` describes.
        If it raises, the client sees a 500 and the log the traceback. That goes for SystemExit and
        KeyboardInterrupt too: no request can end the worker. To stop the server from a handler, call
        :meth:`stop`. Only with workers=0, where the handler runs in the process that called run, does
        KeyboardInterrupt also stop the server, and run raises it.

        Raises Error (E_ROUTE: malformed or taken; E_OPTION; E_STATE: running).
        """
        return self._route(None, "", methods, pattern, options)

    def group(self, prefix: str = "", **options: str | int | float | bool) -> Group:
        """A group of routes below `prefix`, such as "/api"; "" is the server itself, with all its routes.

        `options` are those of :meth:`route`, for all routes of the group. Its functions are registered by
        :meth:`Group.use`. Raises Error (E_ROUTE: not a prefix; E_OPTION; E_LIMIT; E_STATE: running).
        """
        return self._make_group(lib.forker_server_group, self._live(), "", prefix, options)

    def static(self, prefix: str, directory: str | os.PathLike[str], **options: str | int | float | bool) -> None:
        """Serves the files of a directory below `prefix`, such as "/assets"; "" is all that no better route has.

        No Python runs for it. `options` say how: ``index``, ``listing``, ``fallback``, ``cache_control``, ``types``,
        ``etag`` and ``precompressed`` are the options of docs/OPTIONS.md whose names begin with ``static_``, and there are
        those of gates, such as ``rate_limit``. See forker_server_static() of forker.h for what is served.

        Raises Error (E_ROUTE: malformed or taken; E_SYSTEM: the directory cannot be opened; E_OPTION; E_STATE: running).
        """
        self._static(lib.forker_server_static, self._live(), prefix, directory, options)

    def _static(
        self, serve: Any, where: Any, prefix: str, directory: str | os.PathLike[str], options: dict[str, Any]
    ) -> None:
        added = ctypes.c_void_p()
        self._check_setup(serve(where, c_text(prefix), c_path(directory), ctypes.byref(added)))
        for name, value in options.items():
            self._set_route(added, static_name(name), value)

    def host(self, host: str, **options: str | int | float | bool) -> Group:
        """A group of routes for requests to one host, "api.example.org", or to all below a name, "*.example.org".

        They go before routes without a host, see forker_server_host() of forker.h. As :meth:`group` else.
        """
        c = lib.forker_server_host(self._live(), c_text(host))
        if c is None:
            self._check_setup(E_ROUTE)
        return Group(self, c, "", options)

    def url(self, name: str, **values: Any) -> str:
        """The path of the route that has the option ``name``, with these values, as str gives them, for its parameters.

        They are percent-encoded, and those of no parameter become the query. Any process that has the server, so in
        handlers too. Raises Error (E_ROUTE: no route has that name; E_INVALID: a parameter has no value, or one with which
        the path would be another).
        """
        names = (ctypes.c_char_p * len(values))(*map(c_text, values))
        texts = (ctypes.c_char_p * len(values))(*(c_text(str(value)) for value in values.values()))
        code, size = E_LIMIT, 256
        while code == E_LIMIT:
            size *= 4
            text = ctypes.create_string_buffer(size)
            code = lib.forker_url(self._live(), c_text(name), names, texts, len(values), text, size)
        self._expect(code, f"url {name}: {lib.forker_strerror(code).decode()}")
        return text.value.decode()

    def routes(self) -> list[RouteInfo]:
        """The routes, in the order in which they were registered."""
        found: list[RouteInfo] = []
        c = CRouteInfo(size=ctypes.sizeof(CRouteInfo))
        while lib.forker_route_at(self._live(), len(found), ctypes.byref(c)) == _OK:
            found.append(RouteInfo(*(text.decode() for text in (c.methods, c.pattern, c.name, c.host))))
        return found

    def errorhandler(self, status: int | None = None) -> Callable[[ErrorFunction], ErrorFunction]:
        """Decorates a function that words errors of one status, or with None all for which there is no other.

        It is called with the :class:`forker.Request` and a :class:`forker.HTTPError`, for errors of the library's own, such
        as 404, for handlers that have failed (500), and for :func:`forker.abort`. What it returns is the response, with the
        status of the error unless it says another; None leaves the words to the library (option errors). It answers at
        once: it cannot defer. ``params`` of the request are empty. See forker_server_on_error() of forker.h.

        Raises ValueError or TypeError (not a status of errors), Error (E_STATE: running).
        """
        if status is not None:
            HTTPError(status)

        def register(function: ErrorFunction) -> ErrorFunction:
            if not self._error_functions:
                self._register("on_error", lib.forker_server_on_error, _library.ERROR_FN(self._on_error))
            self._error_functions[status] = function
            return function

        return register

    def _on_error(self, address: int, status: int, detail: bytes, user: int | None) -> int:
        request = Request(address, (), self._log_exception, self._take)
        return self._word_error(request, address, status, detail.decode("utf-8", "replace"))

    def _make_group(self, make: Any, inside: Any, outer: str, prefix: str, options: dict[str, Any]) -> Group:
        c = make(inside, c_text(prefix))
        if c is None:
            self._check_setup(E_ROUTE)
        return Group(self, c, outer + prefix, options)

    def _route(
        self,
        group: ctypes.c_void_p | None,
        prefix: str,
        methods: str | Sequence[str],
        pattern: str,
        options: dict[str, Any],
    ) -> Callable[[Handler], Handler]:
        """The decorator of :meth:`route` and :meth:`Group.route`."""
        listed = methods if isinstance(methods, str) else ",".join(methods)
        names = names_of(prefix + pattern)

        def register(handler: Handler) -> Handler:
            def call(request: int, user: int | None) -> int:
                return self._handle(handler, Request(request, names, self._log_exception, self._take), request)

            added = self._add_route(listed, pattern, call, group)
            for name, value in options.items():
                self._set_route(added, name, value)
            return handler

        return register

    def _add_route(
        self,
        methods: str,
        pattern: str,
        call: Callable[[int, int | None], int],
        group: ctypes.c_void_p | None = None,
    ) -> ctypes.c_void_p:
        """Has C call a function with the forker_request, whose result is that of a C handler. Returns the forker_route."""
        added = ctypes.c_void_p()
        arguments = (c_text(methods), c_text(pattern), *self._c_handler(call), ctypes.byref(added))
        if group is None:
            self._check_setup(lib.forker_server_route(self._live(), *arguments))
        else:
            self._check_setup(lib.forker_group_route(group, *arguments))
        return added

    def _c_handler(self, call: Callable[[int, int | None], int]) -> tuple[Any, int | None]:
        """A function as the handler of C, and what that is registered with. The server keeps it."""
        if accel is not None:
            function, user = accel.handler(call)
            callback = _library.HANDLER(function)
        else:
            callback, user = _library.HANDLER(call), None
        self._handlers.append((callback, call))
        return callback, user

    def _set_route(self, route: ctypes.c_void_p, name: str, value: str | int | float | bool) -> None:
        self._check(lib.forker_route_set(route, c_text(name), c_text(option_text(name, value))))

    def grpc(
        self,
        *,
        threads: int = 16,
        inline: bool = False,
        interceptors: Sequence[Any] = (),
        **options: str | int | float | bool,
    ) -> Services:
        """The gRPC services of the server, for generated code: see :mod:`forker.grpc`. It takes option h2c, or TLS.

        `threads` is how many threads of a worker call servicers, each for one call until that has ended; they are made when
        they are needed. Further calls wait, up to option handler_queue; more end with UNAVAILABLE. With `inline`, methods
        with one request and one response are called on the main thread of the worker instead, which costs less, and
        must not wait. `interceptors` are those of grpcio, ServerInterceptor. `options` are the methods' own, those of
        routes but for body and max_body: ``rate_limit="100/s"``. Raises ValueError for no threads.
        """
        from .grpc import Services

        return Services(self, threads, inline, interceptors, options)

    def _add_method(self, path: str, kind: int, call: Callable[[int, int | None], int]) -> ctypes.c_void_p:
        """Has C call a function for the calls of a gRPC method, as for the requests of a route. Returns the forker_route."""
        added = ctypes.c_void_p()
        arguments = (c_text(path), kind, *self._c_handler(call), ctypes.byref(added))
        self._check_setup(lib.forker_server_grpc_route(self._live(), *arguments))
        return added

    # ---------------------------------------------------------------------------------------------- figures

    def stats(self) -> Stats:
        """The figures of the server; between runs those of the last one.

        Any thread and any process of the tree. Raises Error (E_STATE: never run).
        """
        c = CStats(size=ctypes.sizeof(CStats))
        self._expect(lib.forker_server_stats(self._live(), ctypes.byref(c)), "stats: the server was never run")
        return stats_of(c)

    def worker_stats(self, index: int) -> WorkerStats:
        """The figures of worker number `index`, from 0 to ``stats().slots`` - 1.

        Any thread and any process of the tree. Raises IndexError beyond the last one, Error (E_STATE: never run).
        """
        c = CWorkerStats(size=ctypes.sizeof(CWorkerStats))
        code = lib.forker_server_worker_stats(self._live(), index, ctypes.byref(c)) if index >= 0 else E_INVALID
        if code == E_INVALID:
            raise IndexError(f"there is no worker {index}")
        self._expect(code, "worker_stats: the server was never run")
        return worker_stats_of(c)

    def _expect(self, code: int, sentence: str) -> None:
        if code != _OK:
            raise Error(code, sentence)

    # ------------------------------------------------------------------------------------------ run and stop

    def run(self) -> None:
        """Serves until stopped: by SIGTERM or SIGQUIT (gracefully), SIGINT (at once), or :meth:`stop`.

        Forks by os.fork(), so that functions of os.register_at_fork() are called. Only the calling thread goes
        on in the workers: if there are others, the library warns. After a stop it returns, in the calling
        process only, also after Ctrl-C: that raises no KeyboardInterrupt here. Python's signal handlers are in
        place again, and the server can be run once more.

        Python calls no signal handler while C runs. With option handle_signals=off, SIGINT therefore takes effect
        when the library next calls Python in this process, such as :meth:`master_tick`'s function every second: the
        server is stopped, and run raises what the handler raised.

        Raises Error (E_SETUP: an earlier setup call failed; E_STATE: running, or no route or listening socket;
        E_BOOT: no worker became ready; E_THREADS, E_PROCESS, E_ADDRESS, E_SYSTEM, E_MEMORY).
        """
        self._begin()
        self._running = True
        codes: list[int] = []
        try:
            with SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(lib.forker_server_run, [(self._live(),)]))
        finally:
            self._running = False
        self._raise_interrupt()
        self._check(codes[0])

    def start(self) -> None:
        """Serves like :meth:`run`, but returns as soon as the server is up; :meth:`stop` and :meth:`wait` end it.

        With workers, the process that forks them is a child of this one, and they end when this process does. With
        workers=0 a thread of this process serves, on which the handlers and hooks are called; Python's signal handlers
        stay with the main thread. Any number of servers can be started.

        Raises Error as run() does; E_BOOT also if the hook worker_init raised with workers=0.
        """
        self._serve(lib.forker_server_start)

    def _begin(self) -> None:
        """Checks that the server can begin to serve."""
        self._live()
        if self._running:
            raise Error(E_STATE, "the server is running already")
        if self in _serving:
            raise Error(E_STATE, "the server was started already: wait for its end first")
        self._interrupt = None
        self._timers.clear()  # they have ended with the run before

    def _serve(self, function: Callable[..., int]) -> None:
        """Has C serve while the program goes on."""
        self._begin()
        codes: list[int] = []
        _serving.add(self)
        try:
            with SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(function, [(self._live(),)]))  # as in _fork
        finally:
            if codes != [_OK]:
                _serving.discard(self)
        if codes != [_OK]:
            self._raise_interrupt()
        self._check(codes[0])

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end of a server that was started, for at most so many seconds; None is as long as it takes.

        True: it has ended after a stop, and can be set up and started again. False: it still serves. It does not stop
        the server; KeyboardInterrupt may leave it at any time. Any thread, one at a time.

        Raises Error (E_STATE: it was not started, or the thread that serves calls; else why the server has ended).
        """
        until = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            code = self._wait(_slice_ms(until - time.monotonic()))
            if code == E_AGAIN and time.monotonic() < until:
                continue
            if code == E_AGAIN:
                return False
            if code == _OK:
                self._raise_interrupt()
            self._check(code)
            return True

    def _wait(self, timeout_ms: int) -> int:
        codes: list[int] = []
        try:
            codes.extend(itertools.starmap(lib.forker_server_wait, [(self._live(), timeout_ms)]))  # as in _fork
        finally:
            if codes and codes[0] not in (E_AGAIN, E_STATE):
                _serving.discard(self)
        return codes[0]

    def open(self) -> None:
        """Makes a server with workers=0 ready to serve on an event loop of the program's own, and returns.

        From then on it lives on calls of :meth:`poll`, when :meth:`poll_fd` can be read: with selectors
        ``selector.register(server, EVENT_READ)``, with asyncio ``loop.add_reader(server, on_readable)``. All hooks and
        handlers that are not pooled are called from within open() and poll(), on the calling thread. Signals are left
        alone. :meth:`stop` asks it to end, which takes calls of poll() too.

        Raises Error as start() does; E_OPTION if workers is not 0.
        """
        self._opened = True
        try:
            self._serve(lib.forker_server_open)
        finally:
            self._opened = self in _serving
        self._guard = SignalGuard(self._contain_signal)

    def poll_fd(self) -> int:
        """A descriptor that can be read whenever :meth:`poll` has something to do. It stays the library's.

        Nothing may be done to it but waiting. When poll() says that the server has ended it is closed: take it out of
        the loop before another file gets its number. Raises Error (E_STATE: not open; E_PROCESS: another process).
        """
        fd = lib.forker_server_poll_fd(self._live())
        self._check(fd)
        return fd

    def fileno(self) -> int:
        """:meth:`poll_fd`, under the name that selectors and asyncio look for."""
        return self.poll_fd()

    def poll(self, timeout: float | None = 0) -> bool:
        """Does what there is to do for a server that is open, and returns after one round.

        If there is nothing, it waits for up to so many seconds; None is without limit. It may return earlier, and
        does so about ten times a second to let Python's signal handlers be called. Any thread, one at a time.

        True: it serves. False: it has ended after a stop, and can be set up and opened again. Raises what a signal's
        handler raised meanwhile, or KeyboardInterrupt from a handler or hook, or SystemExit from a hook: the server is
        then still open. Raises Error (E_STATE: not open, or called by a handler or hook; E_PROCESS; else why it has
        ended).
        """
        if timeout is None:
            timeout = math.inf
        codes: list[int] = []
        try:
            with self._guard or SignalGuard(self._contain_signal):
                codes.extend(itertools.starmap(lib.forker_server_poll, [(self._live(), _slice_ms(timeout))]))
        finally:
            if codes and codes[0] not in (_SERVES, E_STATE, E_PROCESS):
                self._opened = False
                _serving.discard(self)
        self._raise_interrupt()
        self._check(codes[0])
        return codes[0] == _SERVES

    def stop(self, timeout: float | None = None) -> None:
        """Asks a running server to stop; returns without waiting. If it is not running, the next run ends at once.

        `timeout` is how many seconds requests in flight may take before they are cut off: 0 is at once, None is
        option drain_timeout. A later call can only shorten it. Any thread and any process of the tree, so also
        a handler. Raises ValueError for a negative time.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"stop: {timeout} is not a time")
        if self._c is not None:
            longest = 24 * 60 * 60  # seconds, the most that option drain_timeout takes
            milliseconds = -1 if timeout is None else math.ceil(min(timeout, longest) * 1000)
            self._check(lib.forker_server_stop(self._c, milliseconds))

    def reload(self) -> None:
        """Asks a running server to replace its workers, one at a time, without losing a request; does not wait.

        The file of :meth:`load` is read again and :meth:`on_reload`'s function called first. Any thread and any process
        of the tree. Raises Error (E_STATE: not running, or workers=0; E_PRIVILEGE, as reopen() and upgrade() do: a
        worker that has given up root, and option worker_commands is off).
        """
        self._ask(lib.forker_server_reload)

    def scale(self, change: int) -> None:
        """Asks a running server for so many workers more, or fewer if negative; never fewer than one. As reload()."""
        self._ask(lib.forker_server_scale, change)

    def drain(self) -> None:
        """Asks a running server to drain all workers and wait for reload() or scale() to start them. As reload()."""
        self._ask(lib.forker_server_drain)

    def reopen(self) -> None:
        """Asks every process of a running server to open its log files anew. As reload(), and with workers=0 too."""
        self._ask(lib.forker_server_reopen)

    def upgrade(self) -> None:
        """Asks a running server to start the program anew, and to leave once that serves. As reload()."""
        self._ask(lib.forker_server_upgrade)

    def call_soon(self, function: Callable[[], None]) -> None:
        """Has a function called on the main thread of this process, in the next turn of its loop: forker_server_post().

        It is the way from any thread to where the handlers run, and for a handler to go on with something later, without
        holding up others. Functions are called in the order in which they were posted. What one raises is logged.

        Any thread of a process that serves, from the hook worker_ready on. Raises Error (E_STATE: this process does not
        serve, or not any more; E_PROCESS: it was forked off one that does).
        """
        key = next(_keys)
        _posted[key] = (self._report_failure, function)
        code = lib.forker_server_post(self._live(), _POSTED, key)
        if code != _OK:
            del _posted[key]
            raise Error(code)

    def call_later(self, delay: float, function: Callable[[], None], *, every: float | None = None) -> Timer:
        """Has a function called on the main thread of this process after so many seconds: forker_server_timer().

        With `every`, again and again from then on, until :meth:`Timer.cancel` or the end of the server. What it raises is
        logged. Any thread of a process that serves, from the hook worker_ready on. Raises ValueError (a time below 1 ms
        for `every`), Error (E_INVALID: negative, or more than ten years; E_STATE: this process does not serve; E_PROCESS).
        """
        if every is not None and every < 0.001:
            raise ValueError(f"every is 0.001 or more, not {every}")
        times = (_timer_ms(delay), 0 if every is None else _timer_ms(every))
        timer = Timer(self, function, every is not None)
        self._timers[timer._key] = timer
        number = lib.forker_server_timer(self._live(), *times, TIMED, timer._key)
        if number < 0:
            del self._timers[timer._key]
            raise Error(number)
        timer._number = number
        return timer

    def _ask(self, function: Callable[..., int], *arguments: int) -> None:
        code = function(self._live(), *arguments)
        if code != _OK:
            raise Error(code)

    def close(self) -> None:
        """Releases the server and closes its sockets. Again, or in another process, it does nothing.

        One that was started or opened is stopped at once, and its end waited for. If another thread is in a call of
        this server, that call's end releases it. Raises Error (E_STATE: in run(), or called by the thread that serves,
        or by a handler of a server that is open).
        """
        if os.getpid() != self._pid:
            return
        if self._running:
            raise Error(E_STATE, "the server is running: stop it first")
        if self in _serving:
            code = lib.forker_server_poll_fd(self._live()) if self._opened else self._wait(0)
            if code == E_STATE:
                raise Error(E_STATE, "the server cannot be closed by the thread that serves")
            self.stop(0)
            with contextlib.suppress(Error):  # why it has ended does not matter any more
                self._wait_for_end()
        self._c = None

    def _wait_for_end(self) -> None:
        if self in _serving and not self._opened:
            self.wait()
        while self._opened and self.poll(None):
            pass

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: Any, value: Any, trace: Any) -> None:
        """Stops a server that was started or opened: within option drain_timeout, or after an exception at once.

        Then closes it.
        """
        try:
            if self in _serving and os.getpid() == self._pid:
                self.stop(None if kind is None else 0)
                self._wait_for_end()
        finally:
            self.close()

    # ------------------------------------------------------------------------------------------- called by C

    def _fork(self, user: int | None) -> int:
        """os.fork() for C: 0 in the child, the child's pid in the parent, -1 and errno if it failed."""
        pids: list[int] = []
        try:
            if self._interrupt is not None:
                lib.forker_server_stop(self._c, 0)  # the exception may have come before there was a run to stop
                raise InterruptedError(errno.EINTR, os.strerror(errno.EINTR))
            flush()  # or else what is held back now is written by every child once more
            # starmap calls os.fork and extend keeps its result without bytecode between the two, where a signal's
            # Python handler could raise: a child that lives must never be reported as a failure.
            pids.extend(itertools.starmap(os.fork, [()]))
        except OSError as exc:
            ctypes.set_errno(exc.errno or errno.EAGAIN)
        except BaseException as exc:
            self._contain("fork was interrupted", exc)
            ctypes.set_errno(errno.EINTR)
        return pids[0] if pids else -1


# Servers that were started or opened and have not ended: nobody else may hold them, and C calls them.
_serving: set[Server] = set()


# What was posted, by the number that C gives back. C is given the function below, which lives as long as the module.
_posted: dict[int, tuple[Report, Callable[[], None]]] = {}
_keys = itertools.count(1)


@_library.POST_FN
def _POSTED(server: int, key: int) -> None:
    report, function = _posted.pop(key)
    try:
        call_program(function)
    except BaseException as exc:
        report("call_soon: the function failed", exc)


def _slice_ms(timeout: float) -> int:
    """For how long C may wait, of so many seconds."""
    return math.ceil(min(max(timeout, 0) * 1000, _WAIT_MS))


def _timer_ms(seconds: float) -> int:
    """The same for C's timers, which refuse what is more than ten years."""
    return math.ceil(min(seconds, 1e12) * 1000)
