"""``environ``: a request as WSGI applications see it (PEP 3333, RFC 3875)."""

from __future__ import annotations

import functools
import io
import os
from ctypes import byref, c_size_t, string_at
from typing import Any, BinaryIO, NamedTuple

from .._library import lib
from ..accel import accel
from ..packed import pack
from ..server import Server, version
from .errors import ErrorStream
from .file import FileWrapper

_NAMES_MOST = 1000  # of fields whose keys are remembered
_CLIENTS_MOST = 256  # of clients whose addresses are remembered
_HTTP_2 = "2"


class Path(NamedTuple):
    """Where an application is."""

    script_name: str
    proxies: frozenset[str]  # whose X-Forwarded-Proto is believed; "*" is any


class Client(NamedTuple):
    """Who asks."""

    address: str
    port: str
    may_tell_scheme: bool  # in X-Forwarded-Proto


class Environs:
    """Makes the environ of each request. Belongs to one application, and is used by any thread."""

    def __init__(self, server: Server, path: Path, multithread: bool) -> None:
        self._server = server
        self._path = path
        self._taken = len(path.script_name)
        self._multithread = multithread
        self._base: dict[str, Any] = {}
        self._keys: dict[str | bytes, str | None] = {}  # by names, which are bytes for forker._accel
        self._client_of = functools.lru_cache(_CLIENTS_MOST)(functools.partial(_client_of, path.proxies))

    def of(self, address: int) -> dict[str, Any]:
        """The environ of the forker_request at `address`."""
        if accel is not None:
            made: dict[str, Any] = accel.environ(address, *self.shared())
            return made
        method, target, path, query, version, scheme, peer, client, *fields = pack(address).decode("latin-1").split("\0")
        environ = (self._base or self._begin()).copy()
        environ["REQUEST_METHOD"] = method
        environ["RAW_URI"] = environ["REQUEST_URI"] = target
        environ["PATH_INFO"] = path[self._taken :]
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
        has_all = self._add_fields(environ, fields)
        if "HTTP_AUTHORIZATION" in environ and (user := lib.forker_request_user(address, None)):
            environ["REMOTE_USER"] = string_at(user).decode("latin-1")
        if has_all and version != _HTTP_2 and "CONTENT_LENGTH" not in environ:
            environ["wsgi.input"] = io.BytesIO()  # RFC 9112 section 6.3
        else:
            self._add_body(environ, address)
        self._add_client(environ, self._client_of(peer, client), scheme)
        return environ

    def shared(self) -> tuple[Any, ...]:
        """What all environs are made of, for forker._accel."""
        base = self._base or self._begin()
        return base, self._taken, self._keys, self._key_of, io.BytesIO, self._add_body, self._add_peer

    def _begin(self) -> dict[str, Any]:
        """What is the same for all requests of a process."""
        name, port = _listens_at(self._server)
        self._base = {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SCRIPT_NAME": self._path.script_name,
            "SERVER_NAME": name,
            "SERVER_PORT": port,
            "SERVER_SOFTWARE": f"libforker/{version()}",
            "wsgi.errors": ErrorStream(self._server),
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            "wsgi.multiprocess": self._server.option("workers") != "0",
            "wsgi.multithread": self._multithread,
            "wsgi.run_once": False,
            "wsgi.version": (1, 0),
        }
        return self._base

    def _add_body(self, environ: dict[str, Any], address: int) -> None:
        length = c_size_t()
        data = lib.forker_request_body(address, byref(length))
        fd = lib.forker_request_body_fd(address) if length.value > 0 else -1
        if fd >= 0:
            environ["wsgi.input"] = _open_duplicate(fd)
        else:
            environ["wsgi.input"] = io.BytesIO(string_at(data, length.value))
        if length.value > 0 or "CONTENT_LENGTH" in environ:
            environ["CONTENT_LENGTH"] = str(length.value)

    def _add_fields(self, environ: dict[str, Any], fields: list[str]) -> bool:
        """Adds the fields, of which name and value follow each other. False: some were left out."""
        keys = self._keys
        has_all = True
        texts = iter(fields)
        for name, value in zip(texts, texts):
            key = keys[name] if name in keys else self._key_of(name)
            if key is None:
                has_all = False
            elif key not in environ:
                environ[key] = value
            elif key != "CONTENT_LENGTH":
                environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value
        return has_all

    def _key_of(self, name: str | bytes) -> str | None:
        """The key of a field, None if it is left out."""
        text = name if isinstance(name, str) else name.decode("latin-1")
        key = text.upper().replace("-", "_")
        if "_" in text or key == "TRANSFER_ENCODING":  # the body is decoded
            found = None
        else:
            found = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        if len(self._keys) < _NAMES_MOST:
            self._keys[name] = found
        return found

    def _add_peer(self, environ: dict[str, Any], address: int) -> None:
        scheme, peer, client = pack(address).decode("latin-1").split("\0", 8)[5:8]
        self._add_client(environ, self._client_of(peer, client), scheme)

    def _add_client(self, environ: dict[str, Any], client: Client, scheme: str) -> None:
        environ["REMOTE_ADDR"] = client.address
        environ["REMOTE_PORT"] = client.port
        if client.may_tell_scheme:
            told = environ.get("HTTP_X_FORWARDED_PROTO", "").lower()
            scheme = told if told in ("http", "https") else scheme
        environ["wsgi.url_scheme"] = scheme
        if scheme == "https":
            environ["HTTPS"] = "on"


def _client_of(proxies: frozenset[str], peer: str, client: str) -> Client:
    host, _, port = peer.rpartition(":")
    host = host.strip("[]")
    return Client(
        address="" if client == "unix:" else client,
        port=port if client == host else "",  # a proxy in between does not tell it
        may_tell_scheme=peer.startswith("unix:") or host in proxies or "*" in proxies,
    )


def _open_duplicate(fd: int) -> BinaryIO:
    """A file object for the file with a body, which can be closed. Nobody else uses the offset that they share."""
    file = open(os.dup(fd), "rb")
    file.seek(0)
    return file


def _listens_at(server: Server) -> tuple[str, str]:
    """Name and port of the first TCP address, which stand for the server if a request has no Host."""
    index = 0
    while True:
        try:
            address = server.address(index).partition("?")[0]
        except IndexError:
            return "localhost", "80"
        if not address.startswith("unix:"):
            host, _, port = address.rpartition(":")
            return host.strip("[]") or "0.0.0.0", port
        index += 1
