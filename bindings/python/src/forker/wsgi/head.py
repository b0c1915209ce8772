"""What ``start_response`` is called with: status and fields of a response."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .._library import c_length, c_text, lib
from ..accel import accel
from ..error import check_request

# What an application must not set (PEP 3333, RFC 9110 section 7.6.1): it is the library's to say how a message is framed
# and what becomes of the connection. Many do, and it is left out, as elsewhere.
_HOP_BY_HOP = frozenset(["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-connection"])
_LENGTH = "content-length"
_TOKEN = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")  # RFC 9110 section 5.6.2
_NAMES_MOST = 1000  # of fields that are remembered
_PACKED_MOST = 16 * 1024  # bytes of fields, of which C takes more

# Names that were seen: whether the field is sent as it is; else it is the length.
_names: dict[str, bool] = {}


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
        if lowered == _LENGTH:
            length = _length_of(value)
        elif lowered not in _HOP_BY_HOP or (lowered == "connection" and value.lower() == "close"):
            code = lib.forker_response_header_add(address, c_text(name, "latin-1"), c_text(value, "latin-1"))
            check_request(code, address)
    return length


def pack_fields(headers: Any) -> tuple[bytes, int | None] | None:
    """The fields of a response as forker_respond_packed() takes them, and the Content-Length, which is not among them.

    None if they are not such as most are, and C would perhaps refuse them: set_fields() has to be called. Raises ValueError.
    """
    if type(headers) is not list:
        return None
    packed = ""
    length = None
    for field in headers:
        if type(field) is not tuple or len(field) != 2:
            return None
        name, value = field
        if type(name) is not str or type(value) is not str or not (value.isascii() and value.isprintable()):
            return None
        is_sent = _names[name] if name in _names else _look_at(name)
        if is_sent:
            packed += f"{name}\0{value}\0"
        elif is_sent is None:
            return None
        else:
            length = _length_of(value)
    return (packed.encode(), length) if len(packed) <= _PACKED_MOST else None


def _look_at(name: str) -> bool | None:
    """What _names has; None: neither, or it is no name."""
    lowered = name.lower()
    if lowered in _HOP_BY_HOP or not _TOKEN.fullmatch(name):
        return None
    is_sent = lowered != _LENGTH
    if len(_names) < _NAMES_MOST:
        _names[name] = is_sent
    return is_sent


def add_packed(address: int, packed: bytes) -> None:
    """Sets what pack_fields() has made, for a response that is more than a body."""
    check_request(lib.forker_response_reset(address), address)
    texts: Iterable[bytes] = iter(packed.split(b"\0"))
    for name, value in zip(texts, texts):
        check_request(lib.forker_response_header_add(address, name, value), address)


def _length_of(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        raise ValueError(f"start_response: Content-Length is {value!r}, which is no length")
    return c_length(int(value))
