"""What "http.response.start" has: the fields of a response."""

from __future__ import annotations

from typing import Any, Optional

from .._library import c_length, lib
from ..accel import accel
from ..error import check_request

# It is the library's to say how a message is framed and what becomes of the connection (RFC 9110 section 7.6.1). Many
# applications do, and it is left out, as elsewhere.
_HOP_BY_HOP = frozenset([b"connection", b"keep-alive", b"te", b"transfer-encoding", b"upgrade", b"proxy-connection"])


def set_fields(address: int, headers: Any, trails: bool) -> Optional[int]:
    """Sets the fields of a response on a forker_request, and returns the Content-Length, which is not set.

    Raises TypeError, ValueError or Error.
    """
    length = None
    add = lib.forker_response_header_add
    if accel is not None:
        headers = accel.set_fields(address, headers, bytes)
    for name, value in headers:
        name, value = _bytes_of(name), _bytes_of(value)
        lowered = name.lower()
        if lowered == b"content-length":
            length = _length_of(value)
        elif lowered in _HOP_BY_HOP:
            if lowered == b"connection" and value.lower() == b"close":
                check_request(add(address, name, value), address)
        elif lowered != b"trailer" or trails:
            check_request(add(address, c_bytes(name), c_bytes(value)), address)
    return length


def c_bytes(part: Any) -> bytes:
    """A name or value as C takes it."""
    content = _bytes_of(part)
    if b"\0" in content:
        raise ValueError(f"send: a header with a NUL character: {content!r}")
    return content


def _bytes_of(part: Any) -> bytes:
    if not isinstance(part, (bytes, bytearray, memoryview)):
        raise TypeError(f"send: names and values of headers are bytes, not {type(part).__name__}")
    return bytes(part)


def _length_of(value: bytes) -> int:
    text = value.strip(b" \t")
    if not text.isdigit():
        raise ValueError(f"send: Content-Length is {value!r}, which is no length")
    return c_length(int(text))
