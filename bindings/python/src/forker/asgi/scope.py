"""``scope``: a request as ASGI applications see it."""

from __future__ import annotations

from typing import Any, Optional

from ..packed import pack
from ..server import Server

_NAMES_MOST = 1000  # of fields whose lower case is remembered
_EXTENSIONS = ("http.response.pathsend", "http.response.trailers", "http.response.early_hint")


class Scopes:
    """Makes the scope of each request. Belongs to one application."""

    def __init__(self, server: Server, root_path: str, taken: str, proxies: frozenset[str]) -> None:
        """`taken` is the beginning of each path that a proxy takes away, `proxies` whose X-Forwarded-Proto is believed."""
        self._server = server
        self._root_path = root_path
        self._taken = taken
        self._proxies = proxies
        self._base: dict[str, Any] = {}
        self._names: dict[bytes, bytes] = {}

    def of(self, address: int) -> dict[str, Any]:
        """The scope of the forker_request at `address`."""
        base = self._base or self._begin()
        scope = self._make(base.copy(), address)
        scope["asgi"] = scope["asgi"].copy()
        scope["extensions"] = {name: {} for name in _EXTENSIONS}
        return scope

    def shared(self) -> Optional[tuple[Any, ...]]:
        """What all scopes are made of, for forker._accel; None if it cannot make them."""
        base = self._base or self._begin()
        return None if self._taken else (base, self._tcp, _EXTENSIONS, self._names, self._lower)

    def _make(self, scope: dict[str, Any], address: int) -> dict[str, Any]:
        method, target, decoded, query, version, scheme, peer, client, *fields = pack(address).split(b"\0")
        scope["http_version"] = version.decode()
        scope["method"] = method.decode("latin-1")
        path = decoded.decode("utf-8", "replace")
        raw_path = _path_of(target)
        if self._taken and not f"{path}/".startswith(f"{self._taken}/"):
            path = self._taken + path
            raw_path = self._taken.encode() + raw_path
        scope["path"] = path
        scope["raw_path"] = raw_path
        scope["query_string"] = query
        texts = iter(fields)
        scope["headers"] = [(self._lower(name), value) for name, value in zip(texts, texts)]
        scope["scheme"] = scheme.decode("latin-1")
        self._add_client(scope, peer.decode("latin-1"), client.decode("latin-1"))
        return scope

    def _begin(self) -> dict[str, Any]:
        """What is the same for all requests of a process."""
        self._base = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "root_path": self._root_path,
        }
        self._tcp, self._unix = _listens_at(self._server)
        return self._base

    def _lower(self, name: bytes) -> bytes:
        lowered = self._names.get(name)
        if lowered is None:
            lowered = name.lower()
            if len(self._names) < _NAMES_MOST:
                self._names[name] = lowered
        return lowered

    def _add_client(self, scope: dict[str, Any], peer: str, client: str) -> None:
        is_unix = peer.startswith("unix:")
        host = ""
        if is_unix:
            scope["client"] = None
            scope["server"] = self._unix or self._tcp
        else:
            host, _, port = peer.rpartition(":")
            host = host.strip("[]")
            scope["client"] = (host, int(port))
            scope["server"] = self._tcp
        if client not in (host, "unix:"):
            scope["client"] = (client, 0)  # a trusted proxy says so, and does not tell the port
        if is_unix or host in self._proxies or "*" in self._proxies:
            told = next((value.lower() for name, value in scope["headers"] if name == b"x-forwarded-proto"), b"")
            scope["scheme"] = told.decode() if told in (b"http", b"https") else scope["scheme"]


def asks_for_websocket(scope: dict[str, Any]) -> bool:
    """Whether a request is the handshake of a WebSocket (RFC 6455 section 4.1)."""
    return any(name == b"upgrade" and value.lower() == b"websocket" for name, value in scope["headers"])


def _path_of(target: bytes) -> bytes:
    """The path of a request target, as it came (RFC 9112 section 3.2)."""
    path = target.partition(b"?")[0]
    if path.startswith(b"/"):
        return path
    authority, slash, rest = path.partition(b"://")[2].partition(b"/")
    return slash + rest if authority else path


def _listens_at(server: Server) -> tuple[Optional[tuple[str, int]], Optional[tuple[str, None]]]:
    """The first TCP address, and the first unix socket."""
    tcp: Optional[tuple[str, int]] = None
    unix: Optional[tuple[str, None]] = None
    index = 0
    while True:
        try:
            address = server.address(index).partition("?")[0]
        except IndexError:
            return tcp, unix
        if address.startswith("unix:"):
            unix = unix or (address[len("unix:") :], None)
        else:
            host, _, port = address.rpartition(":")
            tcp = tcp or (host.strip("[]") or "0.0.0.0", int(port))
        index += 1
