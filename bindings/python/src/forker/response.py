"""Responses: what a handler may return, and how that becomes status, fields and body."""

from __future__ import annotations

import ctypes
import errno
import json
import mimetypes
import os
import stat
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from ._header import CCookie
from ._library import c_length, c_path, c_text, lib
from .cookie import make_cookie
from .error import check_request

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"
BYTES = "application/octet-stream"

# What open(2) says of a path at which there is no regular file, as forker_respond_file() knows it.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO, errno.ENODEV)
_TYPES_BY_ENCODING = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}


class _Next:
    """The type of NEXT, which has one object."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "forker.NEXT"


NEXT = _Next()
"""Returned by a handler: not mine, ask the next route that matches."""

REFUSED = object()
"""What a check of a key or password comes to that was not good, and that C answers."""


class Response:
    """A response.

    A handler returns one of

    ======================================  ==============================================================
    ``str``                                 sent as UTF-8, text/plain; charset=utf-8
    ``bytes``, ``bytearray``, memoryview    sent as they are, application/octet-stream
    ``dict`` or ``list``                    sent as JSON, application/json; NaN and infinities are refused
    ``(status, body)``                      the same with a status; the body may be None, for no body
    ``(status, body, headers)``             the same with fields of its own
    ``Response``                            everything by name; a file by :meth:`Response.file`
    a :class:`forker.Deferred`              the response comes later, see :meth:`Request.defer`
    ``forker.NEXT``                         no response: the next route that matches is asked
    ======================================  ==============================================================

    Anything else is a TypeError, which the client sees as a 500 and the log in full. So is a bare None: a
    ``return`` that was forgotten should not look like success. A response without a body is ``(204, None)``. Only a
    handler that has called :meth:`Request.on_body` or :meth:`Request.hijack` returns None.

    ``status`` is 200 to 599. ``headers`` is a mapping of names to texts, or pairs of name and text, in which
    a name may come several times. ``content_type`` replaces the one that follows from the body; a
    Content-Type among the headers does so too. The library adds Date, Server, Content-Length and Connection.

    ``length`` is that of a body which is not made: the client is told it with HEAD and with status 304, where no body
    is sent. A body that is given has to be as long.
    """

    __slots__ = (
        "status", "headers", "content_type", "body", "path", "range", "length", "location", "cookies", "attached",
    )  # fmt: skip

    def __init__(
        self,
        status: int = 200,
        body: Any = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        content_type: str | None = None,
        *,
        length: int | None = None,
    ) -> None:
        """Checks and encodes at once, so that the traceback of an error shows the place that made it.

        Raises TypeError or ValueError.
        """
        self.length = None if length is None else c_length(length)
        self.status = checked_status(status)
        self.location: bytes | None = None  # of a redirect
        self.cookies: list[CCookie] = []
        self.attached: tuple[bytes | None, bool] | None = None
        self.path: bytes | None = None
        self.range: tuple[int, int] | None = None  # of the file: offset, and length or -1
        self.body, by_body = _encode(body)
        self.headers, by_field = _fields(headers)
        if content_type is not None and by_field is not None:
            raise ValueError("content_type is given, and Content-Type is among the headers")
        self.content_type = next((given for given in (content_type, by_field) if given is not None), by_body)

    @classmethod
    def file(
        cls,
        path: str | os.PathLike[str],
        status: int = 200,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        content_type: str | None = None,
        *,
        offset: int = 0,
        length: int | None = None,
    ) -> Response:
        """A response with the content of a file, which C sends without reading it into Python.

        One that is not there, or is no regular file, is answered 404, one that may not be read 403. The path is used as
        it is, and symbolic links are followed: it is the program's to keep it where it should be. Without
        `content_type` that follows from the name.

        With status 200, and without a part of its own, GET and HEAD are answered with what the client wants of the file:
        304 or 412 as its conditions say, 206 or 416 for ranges. It has ETag, Last-Modified and Accept-Ranges; those among
        `headers` go before what the file says, and conditions are judged by them. ``Accept-Ranges: none`` has the file
        sent as a whole.

        `offset` and `length` are for a part of it, in bytes; a part that the file does not have is an Error (E_INVALID)
        when it is sent. Status 206 and Content-Range are the program's to set. Raises TypeError or ValueError.
        """
        response = cls(status, None, headers, content_type)
        response.path = c_path(path)
        if offset < 0 or (length is not None and length < 0):
            raise ValueError(f"a file has no part of {length} bytes at {offset}")
        if offset > 0 or length is not None:
            response.range = (c_length(offset), -1 if length is None else c_length(length))
        if response.content_type is None:
            response.content_type = _type_of(os.fsdecode(path))
        return response

    def set_cookie(
        self,
        name: str,
        value: str,
        *,
        max_age: int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        scripts: bool = False,
        same_site: str = "lax",
        partitioned: bool = False,
    ) -> Response:
        """Adds a cookie for the client (RFC 6265bis), and returns the response.

        ``max_age`` is in seconds, 0 has the client forget it now, None when it is closed. ``scripts``: those of the page
        may read it. ``same_site`` is "lax", "strict" or "none". What browsers would not keep is an Error (E_INVALID) when
        the response is sent: "none" and ``partitioned`` without ``secure``, for example. Raises TypeError or ValueError.
        """
        self.cookies.append(
            make_cookie(
                name, value, max_age=max_age, path=path, domain=domain,
                secure=secure, scripts=scripts, same_site=same_site, partitioned=partitioned,
            )
        )  # fmt: skip
        return self

    def attachment(self, filename: str | None = None, *, in_page: bool = False) -> Response:
        """Says that it is a file to be saved under a name, or to be shown (`in_page`), and returns the response (RFC 6266).

        The name is without a path: what could be one becomes "_". None: no name. Raises ValueError for a NUL character; a
        name of more than 1024 bytes is an Error (E_INVALID) when the response is sent.
        """
        self.attached = (None if filename is None else c_text(filename), in_page)
        return self

    @classmethod
    def of(cls, value: Any) -> Response:
        """The Response for what a handler returned, NEXT excepted. Raises TypeError or ValueError."""
        if isinstance(value, Response):
            return value
        if isinstance(value, tuple):
            if len(value) not in (2, 3):
                raise TypeError(f"a handler returned a tuple of {len(value)}; expected (status, body[, headers])")
            return cls(*value)
        if value is None:
            raise TypeError("a handler returned None; a response without a body is (204, None)")
        return cls(200, value)

    def __repr__(self) -> str:
        size = f"{len(self.body)} bytes" if self.path is None else os.fsdecode(self.path)
        return f"<Response {self.status} {self.content_type} of {size}>"


class HTTPError(Exception):
    """Raised by a handler, or by :func:`abort`: the request is answered with a status and a sentence.

    The text of that is the library's, as option errors says, or that of :meth:`Server.errorhandler`'s function.
    """

    def __init__(
        self, status: int, detail: str = "", headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
    ) -> None:
        """Raises TypeError, or ValueError (a status that is none of an error)."""
        if checked_status(status) < 400:
            raise ValueError(f"status {status} is none of an error")
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers, _ = _fields(headers)


def abort(
    status: int, detail: str = "", headers: Mapping[str, str] | Iterable[tuple[str, str]] = ()
) -> NoReturn:
    """Ends a handler or function of a group: raises :class:`HTTPError`."""
    raise HTTPError(status, detail, headers)


def redirect(location: str, status: int = 303) -> Response:
    """A Response that sends the client to another place: 301, 302, 303, 307 or 308.

    `location` begins with "/", "?", "http://" or "https://". One that begins with "/" stays on this host, whatever of it
    comes from a client, and what may not stand in a URI is percent-encoded. Anything else is an Error (E_INVALID) when it
    is sent.
    """
    response = Response(status)
    response.location = c_text(location)
    return response


def respond_error(address: int, error: HTTPError) -> None:
    """Answers a forker_request with an error. Raises Error."""
    for name, value in error.headers:
        code = lib.forker_response_header_add(address, c_text(name, "latin-1"), c_text(value, "latin-1"))
        check_request(code, address)
    check_request(lib.forker_respond_error(address, error.status, c_text(error.detail)), address)


def prepare(address: int, response: Response) -> None:
    """Sets the fields of a response on a forker_request. Raises Error."""
    for name, value in response.headers:
        code = lib.forker_response_header_add(address, c_text(name, "latin-1"), c_text(value, "latin-1"))
        check_request(code, address)
    for cookie in response.cookies:
        check_request(lib.forker_response_cookie(address, ctypes.byref(cookie)), address)
    if response.attached is not None:
        check_request(lib.forker_response_attachment(address, *response.attached), address)


def respond(address: int, response: Response) -> None:
    """Answers a forker_request. Raises Error."""
    prepare(address, response)
    if response.length is not None:
        check_request(lib.forker_response_length(address, response.length), address)
    content_type = None if response.content_type is None else c_text(response.content_type, "latin-1")
    if response.location is not None:
        code = lib.forker_respond_redirect(address, response.status, response.location)
    elif response.range is not None:
        code = _respond_part(address, response, content_type)
    elif response.path is not None:
        code = lib.forker_respond_file(address, response.status, content_type, response.path)
    else:
        code = lib.forker_respond(address, response.status, content_type, response.body, len(response.body))
    check_request(code, address)


def _respond_part(address: int, response: Response, content_type: bytes | None) -> int:
    """Answers with a part of a file; its results are those of C."""
    try:
        fd = os.open(response.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except PermissionError:
        return lib.forker_respond_error(address, 403, None)
    except OSError as exc:
        if exc.errno not in _NO_FILE:
            raise
        return lib.forker_respond_error(address, 404, None)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return lib.forker_respond_error(address, 404, None)
        code = lib.forker_response_status(address, response.status)
        if code == 0 and content_type is not None:
            code = lib.forker_response_header_set(address, b"Content-Type", content_type)
        return lib.forker_response_file(address, fd, *response.range) if code == 0 else code
    finally:
        os.close(fd)


def _type_of(name: str) -> str:
    """The content type of a file that is sent as it is: one that is compressed is no longer what it was."""
    kind, encoding = mimetypes.guess_type(name)
    return (kind or BYTES) if encoding is None else _TYPES_BY_ENCODING.get(encoding, BYTES)


def checked_status(status: Any) -> int:
    """The status of a response. Raises TypeError or ValueError."""
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError(f"a status is an int, not {type(status).__name__}")
    if not 200 <= status <= 599:
        raise ValueError(f"status {status} is not within 200 to 599")
    return int(status)


def _encode(body: Any) -> tuple[bytes, str | None]:
    """Bytes and content type of a body."""
    if body is None:
        return b"", None
    if isinstance(body, str):
        return body.encode(), TEXT
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body), BYTES
    if isinstance(body, (dict, list)):
        return json.dumps(body, allow_nan=False, separators=(",", ":")).encode(), JSON
    raise TypeError(f"a handler cannot answer with {type(body).__name__}; expected str, bytes, dict or list")


def _fields(headers: Any) -> tuple[list[tuple[str, str]], str | None]:
    """The fields as pairs, and the Content-Type apart. What HTTP allows in them is for C to say."""
    fields = []
    content_type = None
    for field in headers.items() if isinstance(headers, Mapping) else headers:
        if not isinstance(field, tuple) or len(field) != 2 or not all(isinstance(text, str) for text in field):
            raise TypeError(f"a header is a pair of name and text, not {field!r}")
        name, value = field
        if name.lower() != "content-type":
            fields.append((name, value))
        elif content_type is None:
            content_type = value
        else:
            raise ValueError("Content-Type is given twice")
    return fields, content_type
