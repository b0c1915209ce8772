"""Metadata of calls: pairs of name and value, which is bytes where the name ends with "-bin"."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from ctypes import byref, c_char_p
from typing import Any, NamedTuple, Optional, Union

from .._library import c_text, lib
from ..error import check_request

_BINARY = "-bin"
_DETAILS = "grpc-status-details-bin"
# Of the protocol, or of HTTP.
_OWN = {"host", "te", "content-type", "content-length", "grpc-timeout", "grpc-encoding", "grpc-accept-encoding"}


class Entry(NamedTuple):
    """One entry."""

    key: str
    value: str | bytes


Metadata = Optional[Iterable[tuple[str, Union[str, bytes]]]]


def metadata_of(address: int) -> tuple[Entry, ...]:
    """What the client has sent."""
    return tuple(_entries(address))


def _entries(address: int) -> Iterator[Entry]:
    name, value = c_char_p(), c_char_p()
    for index in range(lib.forker_request_header_count(address)):
        lib.forker_request_header_at(address, index, byref(name), byref(value))
        key = (name.value or b"").decode("latin-1").lower()
        if key.endswith(_BINARY):
            for text in (value.value or b"").split(b","):
                decoded = _decode(text.strip())
                if decoded is not None:
                    yield Entry(key, decoded)
        elif key not in _OWN:
            yield Entry(key, (value.value or b"").decode("latin-1"))


def _decode(text: bytes) -> bytes | None:
    """Clients may leave the padding out. What is no base64 is as good as not sent."""
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return None


def add(address: int, metadata: Metadata, into: Any) -> None:
    """Sends entries: `into` is forker_grpc_metadata_add() or forker_grpc_trailer_add(). Raises Error, ValueError, TypeError."""
    for key, value in metadata or ():
        content = value.encode("utf-8") if isinstance(value, str) else value
        if not isinstance(content, bytes):
            raise TypeError(f"metadata {key}: a value is str or bytes, not {type(value).__name__}")
        if key == _DETAILS:
            check_request(lib.forker_grpc_details(address, content, len(content)), address)
        else:
            check_request(into(address, c_text(key), content, len(content)), address)
