"""Bodies that a handler takes piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from ctypes import string_at
from typing import TYPE_CHECKING, Any, Optional

from . import _header
from ._header import OK
from ._library import lib
from .error import check_request

if TYPE_CHECKING:
    from .request import Request

OnBody = Callable[[Optional[bytes], bool], Any]
# Gives the function a piece, and deals with what it returns and raises; the result is that of C's on_body.
Take = Callable[["Request", OnBody, int, Optional[bytes], bool], int]


def take_body(request: Request, address: int, function: OnBody, take: Take) -> None:
    """Has C give the body to a function. Raises Error."""
    key = next(_keys)
    _takers[key] = (take, request, function)
    code = lib.forker_request_on_body(address, _ON_BODY, key)
    if code != OK:
        del _takers[key]
        check_request(code, address)


# Who takes a body, by the number that C gives back. C is given the function below, which lives as long as the module.
_takers: dict[int, tuple[Take, Request, OnBody]] = {}
_keys = itertools.count(1)


@_header.BODY_FN
def _ON_BODY(address: int, data: int | None, length: int, last: int, key: int) -> int:
    take, request, function = _takers[key] if last == 0 else _takers.pop(key)
    piece = None if last < 0 else string_at(data, length)
    return take(request, function, address, piece, last != 0)
