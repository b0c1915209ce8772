"""A request in one call of C, as ctypes pays for each."""

from __future__ import annotations

from collections.abc import Iterable
from ctypes import c_char, create_string_buffer, string_at
from typing import NamedTuple

from ._library import lib
from .error import check_request

_ROOM = c_char * 2048  # for most


class Packed(NamedTuple):
    """Texts of a request. ``names`` and ``values`` are those of its header fields, in the order they came."""

    method: bytes
    target: bytes
    path: bytes
    query: bytes
    version: bytes
    scheme: bytes
    peer: bytes
    client: bytes
    names: list[bytes]
    values: list[bytes]

    def fields(self) -> Iterable[tuple[bytes, bytes]]:
        return zip(self.names, self.values)


def unpack(address: int) -> Packed:
    """What there is to know of the forker_request at `address`."""
    buffer = _ROOM()
    length = lib.forker_request_pack(address, buffer, len(buffer))
    if length > len(buffer):
        buffer = create_string_buffer(length)
        length = lib.forker_request_pack(address, buffer, length)
    check_request(length, address)
    texts = string_at(buffer, length).split(b"\0")
    return Packed(*texts[:8], texts[8:-1:2], texts[9::2])
