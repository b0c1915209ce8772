"""A request in one call of C, as ctypes pays for each."""

from __future__ import annotations

from ctypes import c_char, create_string_buffer, string_at

from ._library import lib
from .error import check_request

_ROOM = c_char * 2048  # for most


def pack(address: int) -> bytes:
    """What there is to know of the forker_request at `address`: texts with a NUL behind each.

    In this order: method, target, path, query, version, scheme, peer, client, then name and value of each header field, as
    they came.
    """
    buffer = _ROOM()
    length = lib.forker_request_pack(address, buffer, 2048)
    if length > 2048:
        buffer = create_string_buffer(length)
        length = lib.forker_request_pack(address, buffer, length)
    if length < 0:
        check_request(length, address)
    return string_at(buffer, length)
