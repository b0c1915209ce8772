"""The routes of a server: handlers, groups, directories, hosts."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import _header
from ._header import E_LIMIT, E_ROUTE, OK, CRouteInfo
from ._library import c_path, c_text, lib
from .accel import accel
from .group import Group
from .handling import ErrorFunction
from .option import option_text, static_name
from .request import Request
from .response import HTTPError
from .route import Handler, RouteInfo, Routes, names_of
from .setup import Setup

if TYPE_CHECKING:
    from .grpc import Services


class Routing(Setup, Routes):
    """Which function answers what."""

    def route(
        self, methods: str | Sequence[str], pattern: str, **options: str | int | float | bool
    ) -> Callable[[Handler], Handler]:
        """Decorates a function that answers requests for `methods` on paths that match `pattern`.

        `methods` is "GET", "GET,POST", ["GET", "POST"] or "*"; GET answers HEAD too. In `pattern` a segment
        ":name" matches any one segment and a last segment "*name" the rest of the path. `options` are the
        route's own: ``dispatch="pool"`` calls the function on a thread of a pool, where it may block, ``body="stream"``
        when the head of the request is there, see :meth:`Request.on_body`, and ``max_body`` limits the body.
        ``handler_timeout="2s"`` is how long the function may take on a thread or to answer later, before the client has a 504.

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
        while lib.forker_route_at(self._live(), len(found), ctypes.byref(c)) == OK:
            found.append(RouteInfo(*(text.decode() for text in (c.methods, c.pattern, c.name, c.host))))
        return found

    def rewrite(self, from_path: str, to_path: str) -> None:
        """Has requests for one path be for another, before their route is looked for: "/old" and "/new".

        If `from_path` ends with "/*", it is all that is below; then `to_path` can end with "/$1", for what stands in place of
        the star. The first rule that matches counts. ``path`` is the new one, ``target`` what the client has sent. Raises
        Error (E_ROUTE: malformed; E_LIMIT: more than 256; E_STATE: running).
        """
        self._check_setup(lib.forker_server_rewrite(self._live(), c_text(from_path), c_text(to_path)))

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
                self._register("on_error", lib.forker_server_on_error, _header.ERROR_FN(self._on_error))
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
            callback = _header.HANDLER(function)
        else:
            callback, user = _header.HANDLER(call), None
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
        compression: Any = None,
        **options: str | int | float | bool,
    ) -> Services:
        """The gRPC services of the server, for generated code: see :mod:`forker.grpc`. It takes option h2c, or TLS.

        `threads` is how many threads of a worker call servicers, each for one call until that has ended; they are made when
        they are needed. Further calls wait, up to option handler_queue; more end with UNAVAILABLE. With `inline`, methods
        with one request and one response are called on the main thread of the worker instead, which costs less, and
        must not wait. `interceptors` are those of grpcio, ServerInterceptor. `compression` is whether messages are
        compressed, grpc.Compression, where a servicer says nothing else; None: option grpc_compress says that. `options`
        are the methods' own, those of routes but for body and max_body: ``rate_limit="100/s"``. Raises ValueError for no
        threads, and for what is no Compression.
        """
        from .grpc import Services

        return Services(self, threads, inline, interceptors, compression, options)

    def _add_method(self, path: str, kind: int, call: Callable[[int, int | None], int]) -> ctypes.c_void_p:
        """Has C call a function for the calls of a gRPC method, as for the requests of a route. Returns the forker_route."""
        added = ctypes.c_void_p()
        arguments = (c_text(path), kind, *self._c_handler(call), ctypes.byref(added))
        self._check_setup(lib.forker_server_grpc_route(self._live(), *arguments))
        return added
