"""A request, as a view of memory that belongs to the C library."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import byref, c_char_p, c_size_t
from types import MappingProxyType
from typing import Any

from ._library import c_text, lib, text_at
from .deferred import Deferred, Report, defer


class Headers(Mapping):
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


class Request:
    """One request, valid while its handler runs, on the handler's thread.

    After :meth:`defer` it is valid until it is answered, on any thread.

    Each value is fetched from C when it is first asked for, and kept. What was taken from a request (texts,
    bytes, headers, params) is the program's own; the request itself raises RuntimeError once its handler has
    returned, whatever is asked of it.

    ``path``, ``params`` and query parameters are decoded as UTF-8, in which what is no UTF-8 becomes U+FFFD;
    ``target``, ``query`` and headers as ISO-8859-1, which keeps every byte.
    """

    __slots__ = ("_address", "_names", "_report", "_kept", "_handle", "_guard")

    def __init__(self, address: int, names: Sequence[str], report: Report) -> None:
        """``address`` is the forker_request, ``names`` are those of the route's pattern. Made by the server only."""
        self._address: int | None = address
        self._names = names
        self._report = report
        self._kept: dict[Any, Any] = {}
        self._handle: int | None = None
        # Held while C looks at the request, which is one thread's at a time.
        self._guard: Any = _NO_GUARD

    def _live(self) -> int:
        if self._address is None:
            until = "its handler returns" if self._handle is None else "it is answered"
            raise RuntimeError(f"this request has ended: it can only be used until {until}")
        return self._address

    def _end(self) -> None:
        self._address = None
        self._kept.clear()

    def _keep(self, key: Any, fetch: Callable[[int], Any]) -> Any:
        with self._guard:
            address = self._live()
            if key not in self._kept:
                self._kept[key] = fetch(address)
            return self._kept[key]

    def defer(self) -> Deferred:
        """Has the request answered later: by the Deferred, which the handler returns, from any thread.

        Raises Error (E_STATE: deferred already; E_PROCESS: in a forked process; E_MEMORY).
        """
        label = self._label()
        report = self._report
        deferred = defer(self, self._live(), lambda where, exc: report(f"{label}: {where}", exc))
        self._guard = threading.RLock()
        self._handle = deferred._handle
        return deferred

    def _abandon(self) -> None:
        """Ends a request whose handler has deferred it, and then failed."""
        with self._guard:
            if self._address is not None:
                lib.forker_deferred_drop(self._handle)
                self._end()

    @property
    def method(self) -> str:
        """The method, such as "GET"."""
        return self._keep("method", lambda address: _fetch(lib.forker_request_method, address).decode("latin-1"))

    @property
    def target(self) -> str:
        """The request target as it came, such as "/a%20b?x=1"."""
        return self._keep("target", lambda address: _fetch(lib.forker_request_target, address).decode("latin-1"))

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
        """A descriptor of a file with the body, None if it is in memory only (option body_buffer). It stays the library's."""

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
        """The client's address: "192.0.2.1:50000", "[2001:db8::1]:50000" or "unix:"."""
        return self._keep("peer", lambda address: _fetch(lib.forker_request_peer, address).decode("latin-1"))

    @property
    def version(self) -> int:
        """The HTTP version: 10 for HTTP/1.0, 11 for HTTP/1.1."""
        return self._keep("version", lib.forker_request_version)

    @property
    def worker(self) -> int:
        """The index of the worker process, from 0."""
        return self._keep("worker", lib.forker_request_worker)

    @property
    def draining(self) -> bool:
        """Whether the worker is being drained by now, so that a long handler should come to an end."""
        with self._guard:
            return bool(lib.forker_request_draining(self._live()))

    @property
    def cancelled(self) -> bool:
        """Whether the client has left, so that a long handler can give up. It asks the system each time."""
        with self._guard:
            return bool(lib.forker_request_cancelled(self._live()))

    def __repr__(self) -> str:
        with self._guard:
            return "<Request, ended>" if self._address is None else f"<Request {self._label()}>"

    def _label(self) -> str:
        """How the log names the request."""
        with self._guard:
            return "a request" if self._address is None else f"{self.method} {self.target}"


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
