"""A request in one call of C, as ctypes pays for each."""

from __future__ import annotations

from ctypes import c_char, create_string_buffer, string_at

from ._library import lib
from .error import check_request

_ROOM_SIZE = 2048  # for most
_ROOM = c_char * _ROOM_SIZE


def pack(address: int) -> bytes:
    """What there is to know of the forker_request at `address`: texts with a NUL behind each.

    In this order: method, target, path, query, version, scheme, peer, client, then name and value of each header field, as
    they came.
    """
    buffer = _ROOM()
    length = lib.forker_request_pack(address, buffer, _ROOM_SIZE)
    if length > _ROOM_SIZE:
        buffer = create_string_buffer(length)
        length = lib.forker_request_pack(address, buffer, length)
    if length < 0:
        check_request(length, address)
    return string_at(buffer, length)
