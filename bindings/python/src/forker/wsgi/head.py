"""What ``start_response`` is called with: status and fields of a response."""

from __future__ import annotations

from typing import Any

from .._library import c_text, lib
from ..accel import accel
from ..error import check_request

# What an application must not set (PEP 3333, RFC 9110 section 7.6.1): it is the library's to say how a message is framed
# and what becomes of the connection. Many do, and it is left out, as elsewhere.
_HOP_BY_HOP = frozenset(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"])


def status_of(status: Any) -> int:
    """The number of "200 OK". Raises TypeError or ValueError."""
    if not isinstance(status, str):
        raise TypeError(f"start_response: the status is str, not {type(status).__name__}")
    number = status[:3]
    if not number.isdecimal() or not 200 <= int(number) <= 599 or status[3:4] not in ("", " "):
        raise ValueError(f"start_response: {status!r} is no status from 200 to 599")
    return int(number)


def set_fields(address: int, headers: Any) -> int | None:
    """Sets the fields of a response on a forker_request, and returns the Content-Length, which is not set.

    Raises TypeError, ValueError or Error.
    """
    length = None
    if accel is not None:
        headers = accel.set_fields(address, headers, str)
    for field in headers:
        name, value = field
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"start_response: a header is a tuple of two str, not {field!r}")
        lowered = name.lower()
        if lowered == "content-length":
            length = _length_of(value)
        elif lowered not in _HOP_BY_HOP or (lowered == "connection" and value.lower() == "close"):
            code = lib.forker_response_header_add(address, c_text(name, "latin-1"), c_text(value, "latin-1"))
            check_request(code, address)
    return length


def _length_of(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"start_response: Content-Length is {value!r}, which is no length")
    return int(value)
