"""A request, as a view of memory that belongs to the C library."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import byref, c_char_p, c_int, c_size_t, string_at
from types import MappingProxyType, SimpleNamespace
from typing import Any

from ._header import E_ABORTED, E_AGAIN, E_STATE
from ._library import c_number, c_text, lib, text_at
from .argument import Arguments
from .body import OnBody, Take, take_body
from .deferred import Deferred, Report, defer
from .error import check_request
from .form import File, Values, fields_of, files_of, parameters_of
from .head import OnHead, add_head
from .part import OnPart, take_parts
from .state import state_of
from .tls import TLS, tls_of


class Headers(Mapping[str, str]):
    """The header fields of a request: a mapping from names, in any case, to values.

    ``headers[name]`` is the first value of that name, ``get_all(name)`` gives every one, ``fields`` the pairs of
    name and value as they came. Values are decoded as ISO-8859-1, which keeps every byte. It is a copy: it stays
    valid after the handler.
    """

    __slots__ = ("fields", "_values")

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self.fields = tuple(fields)
        self._values: dict[str, list[str]] = {}
        for name, value in self.fields:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        """The names in lower case, each once."""
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get_all(self, name: str) -> list[str]:
        """All values of that name, in the order they came; empty if there is none."""
        return list(self._values.get(name.lower(), ()))

    def __repr__(self) -> str:
        return f"Headers({list(self.fields)!r})"


class Request(Arguments):
    """One request, valid while its handler runs, on the handler's thread.

    After :meth:`defer` it is valid until it is answered, on any thread; the Deferred has to be kept.

    Each value is fetched from C when it is first asked for, and kept. What was taken from a request (texts,
    bytes, headers, params) is the program's own; the request itself raises RuntimeError once its handler has
    returned, whatever is asked of it.

    ``path``, ``params`` and query parameters are decoded as UTF-8, in which what is no UTF-8 becomes U+FFFD;
    ``target``, ``query`` and headers as ISO-8859-1, which keeps every byte.
    """

    __slots__ = (
        "_address", "_names", "_report", "_take", "_kept", "_handle", "_guard", "_owner", "_takes_body", "_is_hijacked",
    )  # fmt: skip

    def __init__(self, address: int, names: Sequence[str], report: Report, take: Take) -> None:
        """``address`` is the forker_request, ``names`` are those of the route's pattern. Made by the server only."""
        self._address: int | None = address
        self._names = names
        self._report = report
        self._take = take
        self._kept: dict[Any, Any] = {}
        self._handle: int | None = None
        # Held while C looks at the request, which is one thread's at a time.
        self._guard: Any = _NO_GUARD
        self._owner: Callable[[], Deferred | None] | None = None  # the Deferred, for as long as somebody has it
        self._takes_body = False
        self._is_hijacked = False

    def _ask(self, fetch: Callable[[int], Any]) -> Any:
        """Has C look at the request: fetch() is called with its address."""
        with self._guard:
            owner = None if self._owner is None else self._owner()  # not collected, and so not dropped, meanwhile
            if self._address is None or (owner is None and self._handle is not None):
                until = "its handler returns" if self._handle is None else "it is answered"
                raise RuntimeError(f"this request has ended: it can only be used until {until}")
            return fetch(self._address)

    def _end(self) -> None:
        self._address = None
        self._kept.clear()

    def _keep(self, key: Any, fetch: Callable[[int], Any]) -> Any:
        def look(address: int) -> Any:
            if key not in self._kept:
                self._kept[key] = fetch(address)
            return self._kept[key]

        return self._ask(look)

    def defer(self) -> Deferred:
        """Has the request answered later: by the Deferred, which the handler returns, from any thread.

        Raises Error (E_STATE: deferred already; E_PROCESS: in a forked process; E_MEMORY).
        """
        label = self._label()
        report = self._report
        deferred = self._ask(lambda address: defer(self, address, lambda where, exc: report(f"{label}: {where}", exc)))
        self._guard = threading.RLock()
        self._owner = weakref.ref(deferred)
        self._handle = deferred._handle
        return deferred

    def on_body(self, function: OnBody) -> OnBody:
        """Has a function called with each piece of the body, and whether it is the last; also as a decorator.

        It is called after the handler has returned, on the thread that calls handlers that are not pooled. For a route
        with ``body="stream"`` the pieces come as the client sends them, and none is larger than option read_buffer; for
        others the whole body is one piece. The last call is with True, once: with the last piece, which may be b"", or
        with None, if no more comes: the client has left or was too slow, the body was malformed or too large, or the
        request was answered before. It is the place to release what belongs to the body. The whole body may take option
        read_body_timeout, put off by body_min_rate. Before the end ``body`` is b"" and ``trailers`` is empty.

        Of a request that is not deferred, the handler then returns None, and the function returns None until the last
        piece has come, and then the response; a response that it returns earlier, or the handler, ends the body and,
        unless the rest has come already, the connection. Of one that is deferred, the function returns None, and the
        Deferred answers; the function can also defer the request itself, and returns the Deferred then. What the
        function raises is logged, and the client gets a 500.

        Only the handler can call it, once. Raises Error (E_STATE: not so).
        """
        self._ask(lambda address: take_body(self, address, function, self._take))
        self._takes_body = True
        return function

    def on_part(self, function: OnPart) -> OnPart:
        """Has a function called with each piece of each part of a form, multipart/form-data; also as a decorator.

        It is :meth:`on_body` with the parts taken apart, and what is said there holds here too: with ``body="stream"``
        nothing is collected, however large a file is. The function gets the :class:`forker.Part`, the piece, and whether
        that is the last of the part, which is b"". At the end of the form the part is None, and the piece

        - b"": the form is complete, and what the function returns is the response;
        - a FormError: it is malformed, or larger than its limits; no more of it is read, and unless the request is deferred,
          the client gets a 400 or 413;
        - None: as for on_body, the client has left, for example.

        That is the last call, once, and the place to release what belongs to the form. Raises FormError (the body is of
        another type), which can be left to the library, Error (E_STATE).
        """
        self._ask(lambda address: take_parts(self, address, function, self._take))
        self._takes_body = True
        return function

    def on_head(self, function: OnHead) -> OnHead:
        """Has a function called with the :class:`forker.Head` of the response before that is sent; also as a decorator.

        Whatever the response comes from: the handler, a stream, an error of the library. The function can set fields and
        cookies. Those that were registered last are called first. Each is called once, on the thread that calls handlers
        that are not pooled, or for a stream on the thread that begins it; not if there is no such response, because the
        client has left for example. What it raises is logged, and the response is sent all the same.

        Raises Error (E_STATE: answered; E_LIMIT: more than 16).
        """
        self._ask(lambda address: add_head(self, address, function, self._report))
        return function

    def pause(self) -> None:
        """Has no more pieces given to :meth:`on_body`'s or :meth:`on_part`'s function until :meth:`Deferred.resume` is called.

        Nothing is read meanwhile, so that the client has to wait, and the body's time stands still. Each pause may take
        as long as option handler_timeout says. Called by that function, or by the handler after on_body(); the request
        has to be deferred. It does nothing if the request is answered already. Raises Error (E_STATE: not called there,
        not deferred, or there is no more to come).
        """
        try:
            self._ask(lambda address: check_request(lib.forker_request_pause(address), address))
        except RuntimeError:
            if self._handle is None:
                raise

    def interim(self, status: int, name: str, value: str) -> bool:
        """Sends an interim response of one field, such as 103 with "Link" (RFC 8297). `status` is 102 to 199.

        It never waits. False: it was not sent, because the client has left or does not read what was sent before. To a
        client of HTTP/1.0 nothing is sent. Raises Error (E_INVALID: the status or field is none; E_STATE: answered, or
        on another thread than the handler's; E_LIMIT).
        """
        field = (c_text(name, "latin-1"), c_text(value, "latin-1"))

        def send(address: int) -> bool:
            code = lib.forker_respond_interim(address, c_number(status), *field)
            if code not in (E_ABORTED, E_AGAIN):
                check_request(code, address)
            return code == 0

        return self._ask(send)

    def hijack(self) -> tuple[socket.socket, bytes]:
        """Takes the connection over, as for another protocol (RFC 9110 section 7.8); the handler then returns None.

        Gives its socket, which is non-blocking and the program's to use and close, and what the client has sent behind
        the request already. Raises Error (E_STATE: the request is deferred or takes its body piece by piece, or the
        handler runs on the pool; E_AGAIN: the client has not taken earlier responses yet; E_ABORTED; E_SYSTEM).
        """
        fd, data, length = c_int(), c_char_p(), c_size_t()

        def take_over(address: int) -> bytes:
            check_request(lib.forker_request_hijack(address, byref(fd), byref(data), byref(length)), address)
            return string_at(data, length.value)

        behind = self._ask(take_over)
        self._is_hijacked = True
        connection = socket.socket(fileno=fd.value)
        connection.setblocking(False)
        return connection, behind

    def _end_body(self) -> None:
        """The body is over: what was empty while it came is to be asked for again."""
        with self._guard:  # a thread may be asking
            self._takes_body = False
            for key in ("body", "text", "trailers"):
                self._kept.pop(key, None)

    def _abandon(self) -> None:
        """Ends a request whose handler has deferred it, and then failed."""
        with self._guard:
            if self._address is not None:
                lib.forker_deferred_drop(self._handle)
                self._end()

    @property
    def state(self) -> SimpleNamespace:
        """What functions of groups and the handler keep for each other about this request. It ends with the request."""
        return self._ask(state_of)

    @property
    def method(self) -> str:
        """The method, such as "GET"."""
        return self._keep("method", lambda address: _fetch(lib.forker_request_method, address).decode("latin-1"))

    @property
    def target(self) -> str:
        """The request target as it came, such as "/a%20b?x=1"."""
        return self._keep("target", lambda address: _fetch(lib.forker_request_target, address).decode("latin-1"))

    @property
    def host(self) -> str:
        """The host that the client means, with its port if it names one; "" if it names none, as HTTP/1.0 may.

        Where the target has one, it counts, whatever the Host field says; headers["Host"] is the same then.
        """
        return self._keep("host", lambda address: _fetch(lib.forker_request_host, address).decode("latin-1"))

    @property
    def path(self) -> str:
        """The path of the target, percent-decoded once and without dot segments: it never leads above "/"."""
        return self._keep("path", lambda address: _utf8(_fetch(lib.forker_request_path, address)))

    @property
    def query(self) -> str:
        """The query as it came, without the "?"; "" if there is none."""
        return self._keep("query", lambda address: _fetch(lib.forker_request_query, address).decode("latin-1"))

    def query_param(self, name: str, default: str | None = None) -> str | None:
        """The decoded value of the first query parameter of that name; `default` if there is none."""

        def fetch(address: int) -> str | None:
            return _utf8(_fetch(lib.forker_request_query_param, address, c_text(name)))

        value = self._keep(("query_param", name), fetch)
        return default if value is None else value

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies by name, each the first of that name and without quotes around it, as ISO-8859-1."""

        def fetch(address: int) -> Mapping[str, str]:
            pairs = (pair for field in self.headers.get_all("Cookie") for pair in field.split(";"))
            names = {pair.partition("=")[0].strip(" \t") for pair in pairs if "=" in pair}
            values = {name: _fetch(lib.forker_request_cookie, address, name.encode("latin-1")) for name in names if name}
            return MappingProxyType({name: value.decode("latin-1") for name, value in values.items() if value is not None})

        return self._keep("cookies", fetch)

    def csrf_token(self) -> str:
        """A token for the pages of the response, by which their requests are told from those of other sites: option ``csrf``.

        It stands in a field X-CSRF-Token, or as csrf_token in a form, of a request that does not say by Sec-Fetch-Site where it
        is from, with ``csrf="token"``. See forker_request_csrf_token() of forker.h.

        Raises Error (E_STATE: option cookie_keys is empty, or the request is answered).
        """

        def make(address: int) -> str:
            token = lib.forker_request_csrf_token(address)
            if token is None:
                check_request(E_STATE, address)
            return token.decode()

        return self._ask(make)

    @property
    def query_params(self) -> Values[str]:
        """All parameters of the query, decoded: the first of a name by ``[name]``, all of them by ``get_all(name)``."""
        return self._keep("query_params", parameters_of)

    @property
    def form(self) -> Values[str]:
        """The fields of the form that is the body: multipart/form-data or application/x-www-form-urlencoded.

        Its limits are the options form_parts, form_field, form_fields, form_file and form_files, which a route can have of its
        own. Raises FormError (400, 413), which can be left to the library, and Error (E_STATE: the body is not there, as with
        ``body="stream"``, or in a function of a group before the handler).
        """
        return self._keep("form", fields_of)

    @property
    def files(self) -> Values[File]:
        """The files of that form, in the same way. They stay in the body, and end with the request."""
        return self._keep("files", lambda address: files_of(address, self._ask))

    @property
    def params(self) -> Mapping[str, str]:
        """What ":name" and "*name" of the route's pattern stood for, decoded, by name."""

        def fetch(address: int) -> Mapping[str, str]:
            values = {name: _fetch(lib.forker_request_param, address, c_text(name)) for name in self._names}
            return MappingProxyType({name: _utf8(value) for name, value in values.items() if value is not None})

        return self._keep("params", fetch)

    @property
    def headers(self) -> Headers:
        """The header fields."""

        def fetch(address: int) -> Headers:
            return _fetch_fields(address, lib.forker_request_header_count, lib.forker_request_header_at)

        return self._keep("headers", fetch)

    @property
    def trailers(self) -> Headers:
        """The trailer fields of a body that came in chunks, without those that must not stand there."""

        def fetch(address: int) -> Headers:
            return _fetch_fields(address, lib.forker_request_trailer_count, lib.forker_request_trailer_at)

        return self._keep("trailers", fetch)

    @property
    def body(self) -> bytes:
        """The whole body; b"" if there is none."""
        return self._keep("body", lambda address: _fetch(lib.forker_request_body, address))

    @property
    def body_fd(self) -> int | None:
        """A descriptor of a file with the body, None if it is in memory only (option body_buffer).

        It stays the library's.
        """

        def fetch(address: int) -> int | None:
            fd = lib.forker_request_body_fd(address)
            return fd if fd >= 0 else None

        return self._keep("body_fd", fetch)

    @property
    def text(self) -> str:
        """The body as UTF-8. Raises UnicodeDecodeError, a ValueError, if it is something else."""
        return self._keep("text", lambda _: self.body.decode())

    def json(self) -> Any:
        """The body as JSON. Raises ValueError if it is something else."""
        return json.loads(self.body)

    @property
    def peer(self) -> str:
        """The other end of the connection: "192.0.2.1:50000", "[2001:db8::1]:50000" or "unix:"."""
        return self._keep("peer", lambda address: _fetch(lib.forker_request_peer, address).decode("latin-1"))

    @property
    def local(self) -> str | None:
        """This end of the connection, in the same form; None if the client has left."""
        found = self._keep("local", lambda address: _fetch(lib.forker_request_local, address))
        return found.decode("latin-1") if found is not None else None

    @property
    def client(self) -> str:
        """The client's address: "192.0.2.1", "2001:db8::1" or "unix:"; behind proxies see option trusted_proxies."""
        return self._keep("client", lambda address: _fetch(lib.forker_request_client, address).decode("latin-1"))

    @property
    def id(self) -> str | None:
        """The id of the request, with option request_id; else None."""
        found = self._keep("id", lambda address: _fetch(lib.forker_request_id, address))
        return found.decode("latin-1") if found is not None else None

    @property
    def user(self) -> str | None:
        """The name of the user who has shown the right password, with option basic_auth or :meth:`Group.basic_auth`; else None."""
        found = self._keep("user", lambda address: _fetch(lib.forker_request_user, address))
        return found.decode("utf-8", "surrogateescape") if found is not None else None

    @property
    def scheme(self) -> str:
        """ "https" if the client speaks TLS, to this server or to a trusted proxy, else "http"."""
        return self._keep("scheme", lambda address: _fetch(lib.forker_request_scheme, address).decode("latin-1"))

    @property
    def tls(self) -> TLS | None:
        """What is known of the TLS of the connection, the client's certificate included; None: it has none."""
        return self._keep("tls", lambda address: tls_of(lambda what: _fetch(lib.forker_request_tls, address, what)))

    @property
    def version(self) -> int:
        """The HTTP version: 10 for HTTP/1.0, 11 for HTTP/1.1, 20 for HTTP/2."""
        return self._keep("version", lib.forker_request_version)

    @property
    def worker(self) -> int:
        """The index of the worker process, from 0."""
        return self._keep("worker", lib.forker_request_worker)

    @property
    def draining(self) -> bool:
        """Whether the worker, and not only the connection, is being drained by now, so that a long handler should come to an end."""
        return bool(self._ask(lib.forker_request_draining))

    @property
    def cancelled(self) -> bool:
        """Whether the client has left, so that a long handler can give up. It asks each time."""
        return bool(self._ask(lib.forker_request_cancelled))

    def __repr__(self) -> str:
        try:
            return f"<Request {self.method} {self.target}>"
        except RuntimeError:
            return "<Request, ended>"

    def _label(self) -> str:
        """How the log names the request."""
        try:
            return f"{self.method} {self.target}"
        except RuntimeError:
            return "a request"


_NO_GUARD = contextlib.nullcontext()


def _fetch(accessor: Any, address: int, *name: bytes) -> Any:
    """What an accessor gives, copied; None for NULL."""
    length = c_size_t()
    return text_at(accessor(address, *name, byref(length)), length)


def _utf8(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _fetch_fields(address: int, count: Callable, at: Callable) -> Headers:
    name, value = c_char_p(), c_char_p()
    fields = []
    for index in range(count(address)):
        at(address, index, byref(name), byref(value))
        fields.append(((name.value or b"").decode("latin-1"), (value.value or b"").decode("latin-1")))
    return Headers(fields)
